package main

import (
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

func newServe(g *global) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "serve",
		Short:   "Run the instance: schedules, plugins, HTTP",
		Long:    "Run the instance until it is told to stop: sources are synced when they are due, plugins are watched, /healthz\nanswers. Other commands on the same data folder go through it. SIGHUP reads the configuration again.",
		Example: "  broker serve\n  broker serve --listen 127.0.0.1:9000",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			g.options.Log = slog.New(slog.NewTextHandler(g.err, nil))
			broker, err := g.open(true)
			if err != nil {
				return err
			}
			defer broker.Close()
			for _, s := range broker.Config().Sources {
				if s.Err != nil {
					g.options.Log.Error("source cannot be used; the others run", "source", s.Name, "error", s.Err)
				}
			}
			reload := make(chan os.Signal, 1)
			signal.Notify(reload, syscall.SIGHUP)
			defer signal.Stop(reload)
			return broker.Serve(cmd.Context(), reload, func(address string) {
				scheme := "http"
				if broker.Config().Server.TLSCert != "" {
					scheme = "https"
				}
				fmt.Fprintf(g.out, "broker serves %s://%s\n", scheme, address)
			})
		},
	}
	cmd.Flags().StringVar(&g.options.Listen, "listen", "", "address to listen on, instead of the configured one")
	return cmd
}
