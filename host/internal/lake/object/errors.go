package object

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"slices"
	"strings"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
	"gocloud.dev/gcerrors"

	"github.com/ai-data-analyst/broker/sdk/fault"
)

// credentials says where credentials come from.
const credentials = "Give credentials by the environment (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY), a shared profile (profile=…) or the role of the machine."

// untaken are the codes for credentials that are not good; the last is versitygw's.
var untaken = []string{"InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "XAdminUserNotFound"}

// find is errors.As for errors of the S3 client and for those of gocloud, which hide what they wrap.
func (s *Store) find(err error, target any) bool {
	return errors.As(err, target) || s.bucket.ErrorAs(err, target)
}

// answer returns the code and the HTTP status of the store's answer; "" and 0 = there was none.
func (s *Store) answer(err error) (code string, status int) {
	var refused smithy.APIError
	if s.find(err, &refused) {
		code = refused.ErrorCode()
	}
	var response *awshttp.ResponseError
	if s.find(err, &response) {
		status = response.HTTPStatusCode()
	}
	return code, status
}

// again says whether the same request may go better at once.
func (s *Store) again(ctx context.Context, err error) bool {
	_, status := s.answer(err)
	return ctx.Err() == nil && (status < 400 || status >= 500)
}

// explain turns what the store or the way to it did into a fault that a person can act on. An object that is not there is
// fs.ErrNotExist.
func (s *Store) explain(err error, doing, below string) error {
	if err == nil {
		return nil
	}
	doing = strings.TrimRight(doing+" s3://"+s.at.bucket+"/"+s.key(below), "/")
	var f *fault.Fault
	if errors.As(err, &f) {
		return err
	}
	if code := gcerrors.Code(err); code == gcerrors.Canceled || code == gcerrors.DeadlineExceeded || errors.Is(err, context.Canceled) {
		return fmt.Errorf("%s: %w", doing, err)
	}
	code, status := s.answer(err)
	tell := func(class fault.Code, what, help string) error {
		return (&fault.Fault{Code: class, What: doing + ": " + what, Err: err}).WithHelp(help)
	}
	switch {
	case code == "NoSuchBucket":
		return tell(fault.Config, "there is no such bucket", "Make the bucket, or mend lake.url.")
	case code == "NoSuchKey" || code == "NotFound": // the second where the answer has no body; no other 404 says that a file is absent
		return fmt.Errorf("%s: %w", doing, fs.ErrNotExist)
	case slices.Contains(untaken, code) || status == http.StatusUnauthorized:
		return tell(fault.Auth, "the credentials are not taken ("+code+")", credentials)
	case status == http.StatusForbidden:
		return tell(fault.Permission, strings.TrimSuffix("it is forbidden ("+code, " (")+")", "Let the credentials list the bucket, and get, put and delete objects below the prefix.")
	case status == http.StatusTooManyRequests || code == "SlowDown":
		return tell(fault.RateLimited, "the object store asks for fewer requests", "Try again later; the published tables are as they were.")
	case status == http.StatusMovedPermanently || code == "PermanentRedirect" || code == "AuthorizationHeaderMalformed":
		return tell(fault.Config, "the bucket is in another region", "Mend region=… in lake.url.")
	case status >= 400 && status < 500:
		return tell(fault.Config, fmt.Sprintf("the object store refuses it (%d %s)", status, code), "Mend lake.url; see docs/operating.md for what a store must be able to do.")
	case strings.Contains(err.Error(), "get credentials"): // the SDK has no type for it
		return tell(fault.Auth, "there are no credentials for it", credentials)
	}
	return tell(fault.Transient, fmt.Sprintf("the object store cannot be reached, or failed (%v)", s.reason(err)), "Look at endpoint and region in lake.url, and at the network; the published tables are as they were.")
}

// reason returns what the network said, without the SDK's layers around it.
func (s *Store) reason(err error) string {
	var sent *url.Error
	if s.find(err, &sent) {
		return sent.Err.Error()
	}
	return err.Error()
}
