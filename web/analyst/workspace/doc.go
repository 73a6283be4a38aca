// Package workspace writes what an analyst's folder needs beside the data: CLAUDE.md and AGENTS.md, the settings, rules
// and hooks of Claude Code, .mcp.json. In files that are a person's too, only our own entries change.
//
// It says what it would write before it writes anything. It fetches nothing. Imported by the verbs.
package workspace
