// Command broker-auth-password signs people in by a password that they set up by a link in a mail.
package main

import (
	"github.com/ai-data-analyst/broker/plugins/auth/password/account"
	"github.com/ai-data-analyst/broker/sdk/serve"
)

func main() {
	serve.Auth(account.Plugin())
}
