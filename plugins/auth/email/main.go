// Command broker-auth-email signs people in by a link that is sent to their address.
package main

import (
	"github.com/ai-data-analyst/broker/plugins/auth/email/link"
	"github.com/ai-data-analyst/broker/sdk/serve"
)

func main() { serve.Auth(link.Plugin(link.Post)) }
