package api

import (
	"context"
	"io"
)

// Signed is a person's manifest as it goes over the wire.
type Signed struct {
	Body       []byte // exact bytes; shared, never changed
	Signature  string // value of SignatureHeader
	ETag       string // strong, quoted
	Generation int64
}

// Content is a part or a document that may be handed out.
type Content struct {
	Size int64 // bytes
	Open func(ctx context.Context) (io.ReadSeekCloser, error)
}
