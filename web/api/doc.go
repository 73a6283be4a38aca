// Package api is the JSON contract between the server and the analyst's program: documents, their rules, the signature
// over a manifest. In sub-folder tools stand the tools that both offer to assistants over MCP.
//
// Types and pure functions; no I/O, no clock. Imported by everything under web and by the host's rooms that fill the
// documents.
package api

// Prefix is where the API lives below the server's address (interface.md §4).
const Prefix = "/api/v1"
