// Package mirror keeps a person's copy of what a broker publishes, in a folder that people call their workspace: parts by
// their hash, the views over them, and the last few generations.
//
// A pull takes one generation whole or leaves the copy as it was (G1); nothing is used that was not checked against a
// signed manifest (G5). It never opens a person's own files for writing. SQL texts of views are made in views; engines,
// queries, receipts and diffs are rooms of their own below. Imported by the analyst's program.
package mirror
