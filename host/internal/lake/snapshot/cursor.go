package snapshot

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	iceio "github.com/apache/iceberg-go/io"

	"github.com/ai-data-analyst/broker/sdk"
)

// inlineCursor is how many bytes of a cursor stand in the summary itself. Every publication writes the summaries of all
// kept snapshots again, so a larger cursor is a file beside the manifests: immutable, named by its hash, durable before
// the commit that names it, like they are.
const inlineCursor = 8 << 10

// CursorEnding ends the names of cursor files.
const CursorEnding = ".cursor"

// SaveCursor returns the property of a snapshot's summary that holds a cursor; empty for the zero cursor. location is
// the table's.
func SaveCursor(files iceio.WriteFileIO, location string, c sdk.Cursor) (property, value string, err error) {
	if c.IsZero() && c.Human == "" {
		return "", "", nil
	}
	content, err := json.Marshal(c)
	if err != nil {
		return "", "", fmt.Errorf("encode the cursor: %w", err)
	}
	if len(content) <= inlineCursor {
		return CursorProperty, base64.StdEncoding.EncodeToString(content), nil
	}
	sum := sha256.Sum256(content)
	value = location + "/metadata/" + hex.EncodeToString(sum[:]) + CursorEnding
	if err := files.WriteFile(value, content); err != nil {
		return "", "", fmt.Errorf("write the cursor: %w", err)
	}
	return CursorFile, value, nil
}

// LoadCursor is the inverse of SaveCursor. What cannot be read is an error, never an empty cursor (I9).
func LoadCursor(files iceio.IO, props map[string]string) (sdk.Cursor, error) {
	var c sdk.Cursor
	content, err := cursorText(files, props)
	if err != nil || content == nil {
		return c, err
	}
	if err := json.Unmarshal(content, &c); err != nil {
		return sdk.Cursor{}, fmt.Errorf("the published cursor cannot be read: %w", err)
	}
	return c, nil
}

func cursorText(files iceio.IO, props map[string]string) ([]byte, error) {
	if inline := props[CursorProperty]; inline != "" {
		content, err := base64.StdEncoding.DecodeString(inline)
		if err != nil {
			return nil, fmt.Errorf("the published cursor cannot be read: %w", err)
		}
		return content, nil
	}
	location := props[CursorFile]
	if location == "" {
		return nil, nil
	}
	f, err := files.Open(location)
	if err != nil {
		return nil, fmt.Errorf("the published cursor cannot be read: %w", err)
	}
	content, err := io.ReadAll(f)
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("the published cursor cannot be read: %w", err)
	}
	sum := sha256.Sum256(content)
	if hex.EncodeToString(sum[:]) != strings.TrimSuffix(path.Base(location), CursorEnding) {
		return nil, fmt.Errorf("the published cursor cannot be read: the bytes of %s have changed", path.Base(location))
	}
	return content, nil
}
