package v1

import (
	"net/http"
	"regexp"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/limit"
	"github.com/ai-data-analyst/broker/web/origin"
	"github.com/ai-data-analyst/broker/web/problem"
	"github.com/ai-data-analyst/broker/web/v1/input"
)

// deviceTime and devicePause are how long a pair of codes lives and how often the program may ask (RFC 8628).
const (
	deviceTime  = 10 * time.Minute
	devicePause = 2 * time.Second
)

// loginOptions says how the analyst's program may sign in. A demo's people are named on this machine only.
func (a *API) loginOptions(c *fiber.Ctx) error {
	options := api.LoginOptions{Instance: a.host.Manifests.Instance(), Methods: []string{"token"}, Now: a.host.Now().UTC().Format(time.RFC3339)}
	if a.host.Browser != nil && a.host.Browser() {
		options.Methods = []string{"browser", "device", "token"}
	}
	if people := a.host.SignIn.Demo(); len(people) > 0 && origin.Local(c) {
		options.Methods, options.Demo = []string{"demo", "browser", "device", "token"}, people
	}
	return c.JSON(options)
}

// loginDemo signs a demo's person in: for requests of this machine that nobody passed on; others find no such door.
func (a *API) loginDemo(c *fiber.Ctx) error {
	if len(a.host.SignIn.Demo()) == 0 || !origin.Local(c) {
		return errAbsent
	}
	var asked api.DemoLogin
	if err := input.JSON(c, &asked); err != nil {
		return err
	}
	if err := checkLabel(asked.Label); err != nil {
		return err
	}
	if err := a.count(limit.Login, asked.Email); err != nil {
		return err
	}
	return a.signedIn(c)(a.host.SignIn.SignInDemo(c.UserContext(), asked.Email, asked.Label))
}

// loginCode finishes the browser's way.
func (a *API) loginCode(c *fiber.Ctx) error {
	var asked api.CodeLogin
	if err := input.JSON(c, &asked); err != nil {
		return err
	}
	if err := checkLabel(asked.Label); err != nil {
		return err
	}
	if !verifier.MatchString(asked.Verifier) {
		return problem.Bad("verifier", "verifier must have 43 to 128 characters of A-Z a-z 0-9 - . _ ~")
	}
	if asked.Code == "" || len(asked.Code) > 200 {
		return problem.Bad("code", "code is missing or too long")
	}
	return a.signedIn(c)(a.host.SignIn.FinishCode(c.UserContext(), asked.Code, asked.Verifier, asked.Label))
}

var verifier = regexp.MustCompile(`^[A-Za-z0-9._~-]{43,128}$`) // RFC 7636 §4.1

// signedIn answers a sign-in that ended in a token, or was refused.
func (a *API) signedIn(c *fiber.Ctx) func(sdk.Caller, sdk.Token, sdk.Secret, error) error {
	return func(who sdk.Caller, token sdk.Token, secret sdk.Secret, err error) error {
		if isClass(err, fault.Auth) {
			return problem.New(http.StatusUnauthorized, api.CodeAuth, "That sign-in did not work.")
		}
		if err != nil {
			return err
		}
		who.TokenID = token.ID
		return a.issued(c, who, token, secret)
	}
}

// loginDevice makes a pair of codes.
func (a *API) loginDevice(c *fiber.Ctx) error {
	device, user, err := a.host.SignIn.BeginDevice(c.UserContext())
	if err != nil {
		return err
	}
	return c.JSON(api.DeviceLogin{DeviceCode: device, UserCode: user, VerificationURI: a.host.PublicURL + "/connect/device",
		ExpiresIn: int(deviceTime.Seconds()), Interval: int(devicePause.Seconds())})
}

// pollDevice says 202 while nobody has decided.
func (a *API) pollDevice(c *fiber.Ctx) error {
	var asked api.DevicePoll
	if err := input.JSON(c, &asked); err != nil {
		return err
	}
	if err := checkLabel(asked.Label); err != nil {
		return err
	}
	if asked.DeviceCode == "" || len(asked.DeviceCode) > 200 {
		return problem.Bad("device_code", "device_code is missing or too long")
	}
	who, token, secret, err := a.host.SignIn.FinishDevice(c.UserContext(), asked.DeviceCode, asked.Label)
	if isClass(err, fault.Transient) {
		return c.Status(http.StatusAccepted).JSON(fiber.Map{"status": "pending"})
	}
	return a.signedIn(c)(who, token, secret, err)
}
