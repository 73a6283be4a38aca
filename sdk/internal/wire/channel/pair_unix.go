//go:build unix && !linux

package channel

import "os"

// Pair opens a channel: the host's end, and the plugin's, which is to be handed down and then closed.
func Pair() (*Receiver, *os.File, error) { return socketPair() }

func open(number int) (*Sender, error) { return openSocket(number) }
