package connectortest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/connector"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// fast is how long Describe may take.
const fast = time.Second

var fieldTypes = []string{"string", "int", "float", "bool", "duration", "time", "list", "map"}

func (in *inspection) describe(ctx context.Context) (connector.Description, error) {
	var d connector.Description
	err := in.with(ctx, func(c connector.Connector) (err error) {
		begin := time.Now()
		d, err = c.Describe(ctx)
		if took := time.Since(begin); err == nil && took > fast {
			return fmt.Errorf("takes %s, allowed is %s", took.Round(time.Millisecond), fast)
		}
		return in.heard("describe", err)
	})
	text, _ := json.Marshal(d)
	in.said("description", string(text))
	return d, err
}

func checkDescribe(in *inspection, ctx context.Context) error {
	d, err := in.describe(ctx)
	if err != nil {
		return err
	}
	switch {
	case d.Kind != "connector":
		return fmt.Errorf("the kind is %q, want connector", d.Kind)
	case !sdk.ValidName(d.Name):
		return fmt.Errorf("the name %.80q does not match %s", d.Name, sdk.NamePattern)
	case d.Version == "":
		return errors.New("the version is missing")
	}
	seen := map[string]bool{}
	for _, f := range d.Settings {
		if !sdk.ValidName(f.Name) || seen[f.Name] {
			return fmt.Errorf("setting %.80q: the name is wrong or stands twice", f.Name)
		}
		seen[f.Name] = true
		if !slices.Contains(fieldTypes, f.Type) {
			return fmt.Errorf("setting %s: type %q is not one of %s", f.Name, f.Type, strings.Join(fieldTypes, ", "))
		}
	}
	return validStreams(d.Streams)
}

func validStreams(streams []sdk.Stream) error {
	seen := map[string]bool{}
	for _, s := range streams {
		if err := s.Validate(); err != nil {
			return err
		}
		if seen[s.Name] {
			return fmt.Errorf("stream %s stands twice", s.Name)
		}
		seen[s.Name] = true
	}
	for _, s := range streams {
		if s.Parent != "" && !seen[s.Parent] {
			return fmt.Errorf("stream %s: its parent %s is not there", s.Name, s.Parent)
		}
	}
	return nil
}

func checkDescribeStable(in *inspection, ctx context.Context) error {
	first, err := in.describe(ctx)
	if err != nil {
		return err
	}
	second, err := in.describe(ctx)
	if err != nil {
		return err
	}
	if !reflect.DeepEqual(first, second) {
		return fmt.Errorf("two descriptions differ:\n%+v\n%+v", first, second)
	}
	return nil
}

func checkSettingsGood(in *inspection, ctx context.Context) error {
	return in.with(ctx, func(c connector.Connector) error {
		problems, err := in.validate(ctx, c, in.subject.Settings)
		if err != nil {
			return err
		}
		for _, p := range problems {
			if !p.Warning {
				return fmt.Errorf("good settings are refused: %s %s", p.Path, p.Summary)
			}
		}
		return nil
	})
}

func (in *inspection) validate(ctx context.Context, c connector.Connector, settings []byte) ([]connector.Problem, error) {
	problems, err := c.Validate(ctx, settings)
	for _, p := range problems {
		in.said("problems", p.Path+" "+p.Summary+" "+p.Help)
	}
	return problems, in.heard("validate", err)
}

// refused says whether settings are refused as they must be: by Validate with a path, by Open with class config.
func (in *inspection) refused(ctx context.Context, settings []byte, path string) error {
	return in.with(ctx, func(c connector.Connector) error {
		problems, err := in.validate(ctx, c, settings)
		if err != nil {
			return fmt.Errorf("validate fails instead of listing problems: %w", err)
		}
		paths := map[string]bool{}
		for _, p := range problems {
			if p.Summary == "" {
				return fmt.Errorf("the problem of %q says nothing", p.Path)
			}
			paths[p.Path] = !p.Warning || paths[p.Path]
		}
		if path == "" && len(problems) == 0 || path != "" && !paths[path] {
			return fmt.Errorf("no problem names %q; named are %v", path, problems)
		}
		s, err := c.Open(ctx, connector.Open{Settings: settings, RunID: "conformance", WorkDir: in.dir})
		if err == nil {
			return errors.Join(errors.New("open accepts settings that validate refuses"), s.Close(ctx))
		}
		if code := fault.CodeOf(in.heard("open", err)); code != fault.Config {
			return fmt.Errorf("open refuses them with class %s, want %s", code, fault.Config)
		}
		return nil
	})
}

func checkSettingsBad(in *inspection, ctx context.Context) error {
	if len(in.subject.Bad) == 0 {
		return skip("the subject names no bad settings")
	}
	for i, bad := range in.subject.Bad {
		if err := in.refused(ctx, bad.Settings, bad.Path); err != nil {
			return fmt.Errorf("bad settings %d: %w", i+1, err)
		}
	}
	return nil
}

// settings decodes the subject's settings.
func (in *inspection) settings() (map[string]any, error) {
	var object map[string]any
	if err := json.Unmarshal(in.subject.Settings, &object); err != nil {
		return nil, fmt.Errorf("the subject's settings are not a JSON object: %w", err)
	}
	if object == nil {
		object = map[string]any{}
	}
	return object, nil
}

func checkSettingsUnknown(in *inspection, ctx context.Context) error {
	object, err := in.settings()
	if err != nil {
		return err
	}
	const unknown = "no_such_setting"
	object[unknown] = "x"
	text, err := json.Marshal(object)
	if err != nil {
		return err
	}
	return in.refused(ctx, text, unknown)
}

func checkSettingsRequired(in *inspection, ctx context.Context) error {
	d, err := in.describe(ctx)
	if err != nil {
		return err
	}
	tried := false
	for _, f := range d.Settings {
		if !f.Required {
			continue
		}
		tried = true
		object, err := in.settings()
		if err != nil {
			return err
		}
		delete(object, f.Name)
		text, err := json.Marshal(object)
		if err != nil {
			return err
		}
		if err := in.refused(ctx, text, f.Name); err != nil {
			return fmt.Errorf("without %s: %w", f.Name, err)
		}
	}
	if !tried {
		return skip("no setting is required")
	}
	return nil
}

func checkCheck(in *inspection, ctx context.Context) error {
	return in.session(ctx, func(s connector.Session) error {
		items, err := s.Check(ctx)
		if err != nil {
			return in.heard("check", err)
		}
		if len(items) == 0 {
			return errors.New("check looked at nothing")
		}
		for _, item := range items {
			if item.Err != nil {
				return fmt.Errorf("%s: %w", item.Name, in.heard("check", item.Err))
			}
		}
		return nil
	})
}

func (in *inspection) discover(ctx context.Context, s connector.Session, only ...string) ([]sdk.Stream, error) {
	streams, err := s.Discover(ctx, only)
	text, _ := json.Marshal(streams)
	in.said("streams", string(text))
	return streams, in.heard("discover", err)
}

func checkDiscover(in *inspection, ctx context.Context) error {
	return in.session(ctx, func(s connector.Session) error {
		streams, err := in.discover(ctx, s)
		if err != nil {
			return err
		}
		if len(streams) == 0 {
			return errors.New("there is no stream")
		}
		return validStreams(streams)
	})
}

func checkDiscoverStable(in *inspection, ctx context.Context) error {
	var lists [2][]sdk.Stream
	for i := range lists {
		err := in.session(ctx, func(s connector.Session) (err error) {
			lists[i], err = in.discover(ctx, s)
			return err
		})
		if err != nil {
			return err
		}
	}
	first, _ := json.Marshal(lists[0])
	second, _ := json.Marshal(lists[1])
	if string(first) != string(second) {
		return fmt.Errorf("two lists differ:\n%s\n%s", first, second)
	}
	return nil
}

func checkDiscoverOnly(in *inspection, ctx context.Context) error {
	return in.session(ctx, func(s connector.Session) error {
		streams, err := in.discover(ctx, s)
		if err != nil || len(streams) == 0 {
			return err
		}
		want := streams[len(streams)-1].Name
		only, err := in.discover(ctx, s, want)
		if err != nil {
			return err
		}
		if len(only) != 1 || only[0].Name != want {
			return fmt.Errorf("asked for %s alone, got %d streams", want, len(only))
		}
		return nil
	})
}

// checkSecrets searches everything that was said in the checks before for the secrets of the settings.
func checkSecrets(in *inspection, ctx context.Context) error {
	d, err := in.describe(ctx)
	if err != nil {
		return err
	}
	object, err := in.settings()
	if err != nil {
		return err
	}
	tried := false
	for _, f := range d.Settings {
		secret, ok := object[f.Name].(string)
		if !f.Secret || !ok || len(secret) < 4 {
			continue
		}
		tried = true
		for place, text := range in.texts {
			if strings.Contains(text, secret) {
				return fmt.Errorf("the secret %s stands in the %s", f.Name, place)
			}
		}
	}
	if !tried {
		return skip("the settings hold no secret of at least 4 characters")
	}
	return nil
}
