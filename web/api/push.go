package api

// PushOffer says what a machine would send (POST /push, JSON). Bytes follow for what the answer wants, one request for
// each chunk: POST /push?machine=M&path=P&offset=N&size=S&sha256=H with content type application/octet-stream, at most
// PushChunk bytes; size and sha256 are those of the whole file.
type PushOffer struct {
	Machine string     `json:"machine"` // [a-z0-9-]{1,40}, a namespace of its own
	Items   []PushItem `json:"items"`   // at most 1000
}

// PushItem is one file. A file that has grown names what it had before: Prefix bytes with PrefixSHA256; the server
// appends when its own copy is exactly that.
type PushItem struct {
	Path         string `json:"path"` // notes/…, sessions/…: see the inbox
	Size         int64  `json:"size"`
	SHA256       string `json:"sha256"`
	Prefix       int64  `json:"prefix,omitempty"`
	PrefixSHA256 string `json:"prefix_sha256,omitempty"`
}

// PushAnswer says for each item what to do.
type PushAnswer struct {
	Items []PushWant `json:"items"`
	Used  int64      `json:"used"`  // bytes of the person's quota
	Quota int64      `json:"quota"` // bytes
}

// PushWant is the answer to one item. State: have (nothing to do), want (send from Offset), refused (Reason says why).
type PushWant struct {
	Path   string `json:"path"`
	State  string `json:"state"`
	Offset int64  `json:"offset"`
	Reason string `json:"reason,omitempty"`
}

// PushChunk is the most that one request carries, in bytes.
const PushChunk = 4 << 20
