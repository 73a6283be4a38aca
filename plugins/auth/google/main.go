// Command broker-auth-google signs people in by Google, or by any other issuer that speaks OpenID Connect.
package main

import (
	"time"

	"github.com/ai-data-analyst/broker/plugins/auth/google/oidc"
	"github.com/ai-data-analyst/broker/sdk/serve"
)

func main() {
	serve.Auth(oidc.Plugin(time.Now))
}
