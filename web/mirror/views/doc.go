// Package views writes the SQL that makes a generation's tables readable: a schema for each namespace, a view for each
// table over its parts, and descriptions as comments.
//
// Text in, text out: it opens nothing. Every name and literal goes through one quoter (G15).
package views
