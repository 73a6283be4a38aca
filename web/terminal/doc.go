// Package terminal is how our programs talk to people and scripts: tables, figures and progress, one JSON document on
// request, mistakes of usage, and the table from an error's class to the exit code.
//
// It knows no verb and starts nothing. Imported by the mains alone.
package terminal
