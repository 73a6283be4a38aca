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
	Size  int64  // bytes
	Table string // that a part belongs to; "" of a document
	Open  func(ctx context.Context) (io.ReadSeekCloser, error)
}

// Fetched is a manifest as it came from a server, its signature checked. NotModified says that the ETag that was asked with
// still holds; then only ETag is set.
type Fetched struct {
	NotModified bool
	Manifest    Manifest
	Body        []byte // exact bytes
	Signature   string // value of SignatureHeader
	ETag        string
}
