// Package rows turns what authors have (structs, maps, JSON objects) into Arrow record batches.
//
// Structs are looked at by reflection once per type; what remains for each row is a list of typed appenders. The
// package knows sizes and caps, and cuts batches to them. It sends nothing and keeps no state of a read. Only
// sdk/connector imports it.
package rows
