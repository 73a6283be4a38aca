// Package config reads instance.hcl and data_description.md into Go values and says everything that is wrong with them at
// once, with file, line, column and the fix.
//
// It decides nothing about how plugins run, lakes look or people sign in, and starts nothing. Only host/internal/app and
// host/broker import it.
package config

import (
	"github.com/ai-data-analyst/broker/config/internal/diag"
	"github.com/ai-data-analyst/broker/config/internal/instance"
	"github.com/ai-data-analyst/broker/config/internal/settings"
	"github.com/ai-data-analyst/broker/config/internal/tables"
)

// What the readers return, named here for callers.
type (
	Config      = instance.Config
	Options     = instance.Options
	Source      = instance.Source
	Plugin      = instance.Plugin
	Settings    = settings.Settings
	Access      = instance.Access
	Group       = instance.Group
	Item        = instance.Item
	Dataset     = instance.Dataset
	Field       = settings.Field
	Diagnostic  = diag.Diagnostic
	Diagnostics = diag.List
	Severity    = diag.Severity
)

// What data_description.md says.
type (
	DescriptionOptions = tables.Options
	Description        = tables.Description
	Broken             = tables.Broken
	TableDefinition    = tables.Definition
)

// Severities of a Diagnostic.
const (
	Error     = diag.Error
	Warning   = diag.Warning
	Unchecked = diag.Unchecked
)

// Find returns the configuration that Load reads: options.Path, else $BROKER_CONFIG, else ./instance.hcl, else
// ./config/instance.hcl, else /etc/broker/instance.hcl. A folder means every *.hcl in it, in name order.
func Find(options Options) (string, error) { return instance.Find(options) }

// Load reads the configuration. The Config is never nil: ask the diagnostics what of it may be used
// (Diagnostics.Blocking) and each source for its Err. One unusable source leaves the others usable.
func Load(options Options) (*Config, Diagnostics) { return instance.Load(options) }

// Describe reads data_description.md and datasets/*.md beside the configuration. Missing files are no error.
func Describe(options DescriptionOptions) (*Description, Diagnostics) { return tables.Load(options) }
