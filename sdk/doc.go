// Package sdk holds the nouns that host and plugins share: names, types, columns, streams, cursors, secrets.
//
// They are values with validation and small pure methods. No I/O, no clocks, no logging. Everybody may import it.
package sdk
