package read

import (
	"fmt"
	"strings"

	"github.com/ai-data-analyst/broker/plugins/connector/csv/build"
	"github.com/ai-data-analyst/broker/plugins/connector/csv/scan"
	"github.com/ai-data-analyst/broker/sdk/connector"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// singly is how many rejected rows are told one by one, each with its place; further ones are added up by kind.
const singly = 1_000

// rejects collects the rows that were left out.
type rejects struct {
	name    string // of the file
	total   uint64
	waiting []connector.Issue
	summed  []connector.Issue
}

// add counts a row that begins on line.
func (r *rejects) add(issue connector.Issue, line int) {
	issue.Rejected, issue.Count, issue.Key = true, 1, fmt.Sprintf("%s:%d", r.name, line)
	if r.total++; r.total <= singly {
		r.waiting = append(r.waiting, issue)
		return
	}
	for i := range r.summed {
		if r.summed[i].Code == issue.Code && r.summed[i].Column == issue.Column {
			r.summed[i].Count++
			return
		}
	}
	r.summed = append(r.summed, issue)
}

// take returns what waits to be told.
func (r *rejects) take() []connector.Issue {
	waiting := r.waiting
	r.waiting = nil
	return waiting
}

// closing returns what is told at the end of a file.
func (p *producer) closing() []connector.Issue {
	issues := append(p.rejects.take(), p.rejects.summed...)
	if p.padded.Count > 0 {
		issues = append(issues, p.padded)
	}
	for i, flag := range p.builder.Flags {
		if flag.Count > 0 {
			issues = append(issues, connector.Issue{
				Column: p.columns[i].Name, Code: "formula", Count: flag.Count, Key: p.place(flag.Line),
				Sample: "cells that a spreadsheet would run as a formula are kept as text",
			})
		}
	}
	return issues
}

func (p *producer) pad(block *scan.Block) {
	if p.padded.Count == 0 {
		p.padded = connector.Issue{Code: "padded_row", Key: p.place(block.PaddedLine), Sample: "short rows were filled up with NULL"}
	}
	p.padded.Count += uint64(block.Padded)
}

// misfit is the error of a value that does not fit the settled type of its column.
func (p *producer) misfit(block *scan.Block, m build.Misfit) error {
	return fault.Newf(fault.Data, "%s: column %s: %s", p.place(block.Line(m.Row)), p.columns[m.Column].Name, p.unfit(block, m)).
		WithHelp(`Correct the value, or set ragged = "reject" to leave such rows out and count them.`)
}

func (p *producer) unfit(block *scan.Block, m build.Misfit) string {
	value := string(block.Value(block.Row(m.Row)[m.Column], p.Dialect.Quote))
	return fmt.Sprintf("the value %s is not of type %s, as which the column was first loaded", shown(value), p.kinds[m.Column])
}

// shown is a value as messages show it: quoted, and not longer than a line.
func shown(value string) string {
	const most = 60
	if len(value) > most {
		value = strings.ToValidUTF8(value[:most], "") + "…"
	}
	return fmt.Sprintf("%q", value)
}
