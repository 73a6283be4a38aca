package authtest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/auth"
)

// describe wants a sound description, twice the same, without settings.
func (in *inspection) describe(ctx context.Context) error {
	var d, again auth.Description
	ask := func(into *auth.Description) error {
		return in.with(ctx, func(s auth.Provider) (err error) {
			*into, err = s.Describe(ctx)
			return err
		})
	}
	if err := errors.Join(ask(&d), ask(&again)); err != nil {
		return err
	}
	switch {
	case d.Kind != "auth":
		return fmt.Errorf("kind %q, want auth", d.Kind)
	case !sdk.ValidName(d.Name):
		return fmt.Errorf("name %q does not match %s", d.Name, sdk.NamePattern)
	case d.Version == "" || d.Doc == "":
		return errors.New("it needs a version and a doc")
	case !reflect.DeepEqual(d, again):
		return errors.New("it describes itself differently the second time")
	}
	for _, f := range d.Settings {
		if f.Doc == "" {
			return fmt.Errorf("setting %s has no doc", f.Name)
		}
	}
	return nil
}

func (in *inspection) validate(ctx context.Context, settings []byte) (wrong []auth.Problem, err error) {
	err = in.with(ctx, func(s auth.Provider) error {
		problems, err := s.Validate(ctx, settings)
		for _, p := range problems {
			if !p.Warning {
				wrong = append(wrong, p)
			}
		}
		return err
	})
	return wrong, err
}

func (in *inspection) settingsGood(ctx context.Context) error {
	wrong, err := in.validate(ctx, in.subject.Settings)
	if err == nil && len(wrong) > 0 {
		err = fmt.Errorf("good settings are refused: %v", wrong)
	}
	return err
}

func (in *inspection) settingsBad(ctx context.Context) error {
	if len(in.subject.Bad) == 0 {
		return skip("no bad settings were given")
	}
	for _, bad := range in.subject.Bad {
		if err := in.refused(ctx, bad); err != nil {
			return err
		}
	}
	return nil
}

// refused wants bad settings to be found by Validate and refused by Open.
func (in *inspection) refused(ctx context.Context, bad Bad) error {
	wrong, err := in.validate(ctx, bad.Settings)
	if err != nil {
		return err
	}
	named := false
	for _, p := range wrong {
		named = named || bad.Path == "" || p.Path == bad.Path
	}
	if !named {
		return fmt.Errorf("%s: want a problem of %q, found %v", bad.Settings, bad.Path, wrong)
	}
	return in.with(ctx, func(s auth.Provider) error {
		session, err := s.Open(ctx, auth.Open{Settings: bad.Settings, WorkDir: in.dir})
		if err == nil {
			return errors.Join(fmt.Errorf("%s: Open takes what Validate refuses", bad.Settings), session.Close(ctx))
		}
		return nil
	})
}

func (in *inspection) settingsUnknown(ctx context.Context) error {
	object := map[string]any{}
	if err := json.Unmarshal(in.subject.Settings, &object); err != nil {
		return err
	}
	object["no_such_setting"] = 1
	text, err := json.Marshal(object)
	if err != nil {
		return err
	}
	return in.refused(ctx, Bad{Settings: text, Path: "no_such_setting"})
}

func (in *inspection) check(ctx context.Context) error {
	return in.session(ctx, func(s auth.Session) error {
		items, err := s.Check(ctx)
		for _, i := range items {
			if i.Err != nil {
				err = errors.Join(err, fmt.Errorf("%s: %w", i.Name, i.Err))
			}
		}
		return err
	})
}
