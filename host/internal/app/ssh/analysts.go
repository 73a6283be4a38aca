package ssh

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/ai-data-analyst/broker/host/internal/access"
	"github.com/ai-data-analyst/broker/host/internal/gate"
	"github.com/ai-data-analyst/broker/host/internal/store"
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// ownDomain is where the addresses of users lie who are no more than a name here; nobody can have one (RFC 2606 §2).
const ownDomain = "@analysts.invalid"

// privateGroup is granted the private namespaces, for those who were added with Private.
const privateGroup = "analysts-private"

// Request says whom to let in.
type Request struct {
	Name    string
	Key     string // a line of a .pub file
	Email   string // whose tables; "" = a user of its own
	Private bool   // also the private namespaces
}

// Report is one analyst.
type Report struct {
	Name        string `json:"name"`
	Email       string `json:"email"`
	Role        string `json:"role"`    // the one that holds
	Private     bool   `json:"private"` // the role may be granted private namespaces
	Status      string `json:"status"`  // active | disabled | not admitted
	KeyType     string `json:"key_type"`
	Fingerprint string `json:"fingerprint"`
	Comment     string `json:"comment"`
	CreatedAt   string `json:"created_at"`
}

// Add lets an analyst in and says whether the name is new: adding the same again is no mistake, and writes the file of
// keys again. fault.Config for a bad name or key, or one that is taken; fault.Permission for an address that is not let in.
func (d *Door) Add(ctx context.Context, r Request) (added bool, err error) {
	if err := gate.CheckName(r.Name); err != nil {
		return false, err
	}
	key, err := gate.ParseKey(r.Key)
	if err != nil {
		return false, err
	}
	err = d.alone(ctx, func() error {
		known, err := d.taken(ctx, r, key)
		if err != nil {
			return err
		}
		user, err := d.userOf(ctx, r)
		if err != nil {
			return err
		}
		if r.Private {
			if err := d.privilege(ctx, user.Email); err != nil {
				return err
			}
		}
		if known != nil {
			if known.UserID != user.ID {
				return taken(r.Name)
			}
			return d.write(ctx)
		}
		added, err = d.options.Store.Analysts().AddAnalyst(ctx, store.Analyst{Name: r.Name, UserID: user.ID, Own: r.Email == "", Key: key.Line,
			Fingerprint: key.Fingerprint, Comment: key.Comment, Created: d.options.Now()})
		if err != nil || !added {
			return errors.Join(err, fault.New(fault.Transient, "the name or the key was taken just now"))
		}
		return d.write(ctx)
	})
	return added, err
}

func taken(name string) error {
	return fault.Newf(fault.Config, "there is an analyst %q already", name).
		WithHelp(fmt.Sprintf("For another key or person: broker remove-analyst %s, and add again.", name))
}

// taken finds the analyst whom a request repeats; an error when name or key belong to another one.
func (d *Door) taken(ctx context.Context, r Request, key gate.Key) (*store.Analyst, error) {
	all, err := d.options.Store.Analysts().ListAnalysts(ctx)
	if err != nil {
		return nil, err
	}
	for _, a := range all {
		switch {
		case a.Name == r.Name && a.Key == key.Line && a.Own == (r.Email == ""):
			return &a, nil
		case a.Name == r.Name:
			return nil, taken(r.Name)
		case a.Key == key.Line:
			return nil, fault.Newf(fault.Config, "that key is the one of %q already", a.Name).WithHelp("A key stands for one name: make another one with ssh-keygen -t ed25519.")
		}
	}
	return nil, nil
}

// userOf is the user of an analyst: that of the address, or one of its own.
func (d *Door) userOf(ctx context.Context, r Request) (sdk.User, error) {
	if r.Email != "" {
		return d.letIn(ctx, r.Email)
	}
	email := r.Name + ownDomain
	user, _, err := d.access.AddUser(ctx, access.NewUser{Email: email, Name: r.Name})
	if err == nil && user.Disabled { // the name was removed once
		err = d.access.EnableUser(ctx, email)
	}
	return user, err
}

// letIn is the user of an address that is let in.
func (d *Door) letIn(ctx context.Context, email string) (sdk.User, error) {
	user, err := d.access.Admit(ctx, email)
	if fault.CodeOf(err) == fault.NotFound {
		return user, fault.New(fault.Permission, fault.TextOf(err)).WithHelp(fault.HelpOf(err))
	}
	if err != nil {
		return user, err
	}
	person, err := d.person(ctx, func(p access.Person) bool { return p.ID == user.ID })
	if err == nil && !person.In {
		err = fault.Newf(fault.Permission, "%s is not let in", user.Email).WithHelp(`See "broker users list".`)
	}
	return user, err
}

// privilege lets a person see the private namespaces: the role, unless it is higher, and a group that is granted them.
func (d *Door) privilege(ctx context.Context, email string) error {
	person, err := d.person(ctx, func(p access.Person) bool { return p.Email == email })
	if err != nil {
		return err
	}
	if person.Role != sdk.Admin && person.Role != sdk.Privileged {
		if _, _, err := d.access.AddUser(ctx, access.NewUser{Email: email, Role: sdk.Privileged}); err != nil {
			return err
		}
	}
	var patterns []string
	for _, namespace := range d.rules().Private {
		patterns = append(patterns, namespace+".*")
	}
	if len(patterns) == 0 {
		return nil
	}
	if _, err := d.access.CreateGroup(ctx, privateGroup); err != nil {
		return err
	}
	if _, err := d.access.Grant(ctx, privateGroup, patterns); err != nil {
		return err
	}
	_, err = d.access.AddMembers(ctx, privateGroup, []string{email})
	return err
}

func (d *Door) person(ctx context.Context, is func(access.Person) bool) (access.Person, error) {
	all, err := d.access.Users(ctx)
	if err != nil {
		return access.Person{}, err
	}
	at := slices.IndexFunc(all, is)
	if at < 0 {
		return access.Person{}, fault.New(fault.NotFound, "the analyst's user is gone")
	}
	return all[at], nil
}

// List lists the analysts by name.
func (d *Door) List(ctx context.Context) ([]Report, error) {
	all, err := d.options.Store.Analysts().ListAnalysts(ctx)
	if err != nil {
		return nil, err
	}
	users, err := d.access.Users(ctx)
	if err != nil {
		return nil, err
	}
	byID := map[string]access.Person{}
	for _, u := range users {
		byID[u.ID] = u
	}
	reports := make([]Report, len(all))
	for i, a := range all {
		reports[i] = reportOf(a, byID[a.UserID])
	}
	return reports, nil
}

func reportOf(a store.Analyst, u access.Person) Report {
	r := Report{Name: a.Name, Email: u.Email, Role: string(u.Role), Private: u.Role == sdk.Admin || u.Role == sdk.Privileged, Status: "active",
		Fingerprint: a.Fingerprint, Comment: a.Comment, CreatedAt: a.Created.UTC().Format(time.RFC3339)}
	switch {
	case u.Disabled:
		r.Status = "disabled"
	case !u.In:
		r.Status = "not admitted"
	}
	if _, err := fmt.Sscanf(a.Key, "%s", &r.KeyType); err != nil {
		r.KeyType = "unknown"
	}
	return r
}

// Removal says how to remove an analyst.
type Removal struct {
	Name        string
	Force       bool // also one who has pushed files
	DeleteFiles bool // and the files with them
}

// Removed is what became of an analyst.
type Removed struct {
	Held  bool // nothing was done: there are files, and no Force
	Files int  // that they pushed
	Bytes int64
	Dir   string // where those are; "" = nowhere any more
}

// Remove shuts an analyst out at once; a transfer that runs is ended by its own gate. A user that was made for the name is
// disabled and leaves all groups, so that nobody who gets the name later inherits anything; another user stays as it is.
func (d *Door) Remove(ctx context.Context, r Removal) (done Removed, err error) {
	if err := gate.CheckName(r.Name); err != nil {
		return done, err
	}
	err = d.alone(ctx, func() error {
		a, err := d.options.Store.Analysts().FindAnalyst(ctx, r.Name)
		if err != nil {
			return err
		}
		done.Dir = d.pushes(a)
		if done.Files, done.Bytes, err = count(done.Dir); err != nil {
			return err
		}
		if done.Held = done.Files > 0 && !r.Force; done.Held {
			return nil
		}
		if _, err := d.options.Store.Analysts().RemoveAnalyst(ctx, r.Name); err != nil {
			return err
		}
		if err := d.write(ctx); err != nil {
			return err
		}
		if err := d.retire(ctx, a); err != nil || !r.DeleteFiles && done.Files > 0 {
			return err
		}
		dir := done.Dir
		done.Dir = ""
		return fault.Wrap(fault.Transient, os.RemoveAll(dir), "remove what was pushed")
	})
	return done, err
}

// retire disables the user that was made for a name, unless another analyst stands for it.
func (d *Door) retire(ctx context.Context, a store.Analyst) error {
	others, err := d.options.Store.Analysts().ListAnalysts(ctx)
	if err != nil || !a.Own || slices.ContainsFunc(others, func(o store.Analyst) bool { return o.UserID == a.UserID }) {
		return err
	}
	person, err := d.person(ctx, func(p access.Person) bool { return p.ID == a.UserID })
	if err != nil {
		return err
	}
	groups, err := d.access.Groups(ctx)
	if err != nil {
		return err
	}
	for _, g := range groups {
		if g.Line == 0 && slices.Contains(g.Members, person.Email) {
			if _, err := d.access.RemoveMembers(ctx, g.Name, []string{person.Email}); err != nil {
				return err
			}
		}
	}
	return d.access.DisableUser(ctx, person.Email)
}

// count finds out how many files are in a folder, and how large they are.
func count(dir string) (files int, bytes int64, err error) {
	err = filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err == nil {
			files++
			bytes += info.Size()
		}
		return err
	})
	return files, bytes, err
}
