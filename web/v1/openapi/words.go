package openapi

import (
	_ "embed"
	"encoding/json"
	"fmt"
)

// words.json is what the comments of web/api say of each type ("Manifest") and member ("Manifest.root"); made by
// "go test ./web/v1/openapi -update", and checked by the same test.
//
//go:embed words.json
var wordsFile []byte

// usual is what members mean whose names say it, whichever type they stand in.
var usual = map[string]string{
	"id": "id, stays", "name": "name", "namespace": "part of the name before the dot", "table": "part of the name after the dot, or the table's published name",
	"description": "what it means, in words", "label": "name for people", "rows": "number of rows, or the rows", "bytes": "size in bytes", "size": "size in bytes",
	"columns": "columns, or how many", "fields": "columns", "parts": "files in order", "tables": "tables", "datasets": "datasets", "docs": "documents",
	"generation": "number of a generation", "published_at": "when it was published, RFC 3339 UTC", "created_at": "RFC 3339 UTC", "expires_at": "RFC 3339 UTC",
	"last_used_at": "RFC 3339 UTC; absent = never", "sha256": "SHA-256 in lower-case hex", "schema_hash": "differs whenever the columns do", "strategy": "full_refresh, incremental or partitioned",
	"primary_key": "columns of the key", "source": "name of the source", "source_type": "type at the source", "nullable": "may be NULL", "pii": "personal data: values are hidden in samples",
	"dataset": "name of the dataset", "relations": "columns that refer to other tables", "column": "column", "ref_column": "column of the other table", "size_hint": "about how large",
	"requires": "datasets that belong to it", "type": "type, or kind", "since": "the generation asked about", "generations": "newest first", "instance": "the instance, or the id of the request",
	"user": "the person, or the person's id", "email": "address of the person", "groups": "groups of the person", "token": "the credential of this request", "scopes": "what it may be used for",
	"current": "the one of this request, or the newest generation", "tokens": "tokens", "code": "code", "verifier": "PKCE verifier", "device_code": "code for the program", "user_code": "code for the person to type",
	"verification_uri": "where the person types it", "title": "text of the status", "status": "HTTP status", "detail": "what was wrong", "help": "what to do next", "path": "name of a file", "state": "what to do",
	"offset": "where to go on, in bytes", "reason": "why not", "prefix": "how many bytes it had before", "prefix_sha256": "SHA-256 of these", "sql": "one read-only statement", "format": "form of the document or answer",
	"truncated": "more was there", "receipt": "id of the receipt", "keys": "keys", "masked": "columns whose values are hidden", "methods": "ways to sign in", "demo": "people of a demo", "items": "files",
	"signed_by": "id of the key before", "docs_rev": "hash over the documents", "provider": "how the caller signed in",
}

// words finds what is to be said of a type or member.
type words map[string]string

func readWords() (words, error) {
	var w words
	if err := json.Unmarshal(wordsFile, &w); err != nil {
		return nil, fmt.Errorf("read the words of the API's types: %w", err)
	}
	return w, nil
}

func (w words) of(typeName, member string) string {
	if said := w[typeName+"."+member]; said != "" {
		return said
	}
	return usual[member]
}
