//go:build !linux

package mirror_test

import "errors"

func mount(string) error { return errors.New("only on Linux") }

func unmount(string) {}

func freeze(string) error { return errors.New("only on Linux") }
