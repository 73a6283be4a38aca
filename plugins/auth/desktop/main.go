// Command broker-auth-desktop lets programs on people's desktops in: short access tokens, and refresh tokens that are good
// once.
package main

import (
	"github.com/ai-data-analyst/broker/plugins/auth/desktop/token"
	"github.com/ai-data-analyst/broker/sdk/serve"
)

func main() { serve.Auth(token.Plugin(nil)) }
