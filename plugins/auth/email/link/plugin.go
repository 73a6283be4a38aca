// Package link signs people in by a link in a mail: good once, for ten minutes, in the browser that asked for it or with
// the code that this browser shows (G13).
//
// What it answers tells nobody who is known (L3). Only the plugin's main imports it.
package link

import (
	"context"
	"time"

	"github.com/ai-data-analyst/broker/plugins/auth/internal/post"
	"github.com/ai-data-analyst/broker/sdk/auth"
)

// Send sends one mail; it is post.Sender's.
type Send func(ctx context.Context, m post.Mail) error

// Post sends by the mail server of the settings.
func Post(s post.Settings) (Send, error) {
	sender, err := post.New(s)
	if err != nil {
		return nil, err
	}
	return sender.Send, nil
}

// mailer is where mails are put.
type mailer struct {
	send  Send
	queue *post.Queue
	now   func() time.Time
}

// Plugin is the plugin; prepare makes what sends of its settings.
func Plugin(prepare func(post.Settings) (Send, error)) auth.Author {
	return auth.Plugin[post.Settings, *mailer]{
		Name: "email", Version: "0.1.0", Doc: "Signs people in by a link that is sent to their address.",
		Validate: post.Problems,
		Open: func(_ context.Context, rt auth.Runtime, s post.Settings) (*mailer, error) {
			send, err := prepare(s)
			if err != nil {
				return nil, err
			}
			return &mailer{send, post.NewQueue(send, rt.Log.Warn), rt.Now}, nil
		},
		Close: func(m *mailer) error { m.queue.Close(); return nil },
		Check: func(ctx context.Context, m *mailer) error { return m.send(ctx, post.Mail{}) },
		Form:  form, Begin: begin, Complete: complete,
	}
}

// form asks for the address.
func form(context.Context, *mailer) (auth.Form, error) {
	return auth.Form{Button: "Send me a link", Doc: "We send you a link; it is good once, for ten minutes.",
		Fields: []auth.FormField{{Name: "email", Label: "E-mail", Type: "email", Required: true}}}, nil
}
