//go:build !unix

package serve

func redirectStdout() error { return nil }

func closeOnExec(int) {}
