// Package ingest runs one sync of one table set: it reads streams from a connector into a draft of the lake and
// publishes the draft together with its cursor.
//
// It does not know when runs are due (schedule), in which process a connector lives (supervisor), or how files look
// (lake, parquet). A failed run leaves versions and cursor as they were, and the next one starts there (I1, I2, I4).
// Only host/internal/app imports it, and adapts lake, supervisor and store to the interfaces named here.
package ingest
