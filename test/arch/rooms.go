// Package arch checks that the code is the house of the architecture page: who may import whom, which library lives in
// which room, and the budgets that keep rooms small. The rules are data; the tests open the files themselves.
package arch

// room is one row of the floor plan: a folder with its sub-folders, and the rooms of ours it may import.
type room struct {
	path string
	may  []string
}

// contracts are the rooms a host room may use where its row says "contracts".
var contracts = []string{"sdk/connector", "sdk/auth", "sdk/service"}

// rooms is the floor plan. A folder belongs to the room with the longest matching path.
var rooms = []room{
	{"sdk/fault", nil},
	{"sdk", of("sdk/fault")},
	{"sdk/internal/author", of("sdk/fault")},
	{"sdk/internal/jsonvalue", nil},
	{"sdk/internal/settings", of("sdk/internal/jsonvalue")},
	{"sdk/connector", of("sdk", "sdk/fault", "sdk/internal/author", "sdk/internal/settings", "sdk/internal/jsonvalue")},
	{"sdk/auth", of("sdk", "sdk/fault", "sdk/internal/author", "sdk/internal/settings")},
	{"sdk/auth/authtest", of("sdk/auth", "sdk", "sdk/fault", "sdk/dial")},
	{"sdk/service", of("sdk", "sdk/fault", "sdk/internal/author", "sdk/internal/settings")},
	{"sdk/service/servicetest", of("sdk/service", "sdk", "sdk/fault", "sdk/dial")},
	{"sdk/rest", of("sdk/fault")},
	{"sdk/connector/connectortest", of("sdk/connector", "sdk", "sdk/fault", "sdk/dial", "sdk/rest")},
	{"sdk/internal/pb", nil},
	{"sdk/internal/guard", of("sdk", "sdk/fault")},
	{"sdk/internal/wire", of("sdk", "sdk/fault", contracts, "sdk/internal/pb", "sdk/internal/guard", "sdk/internal/wire/words")},
	{"sdk/internal/wire/words", of("sdk/fault", "sdk/internal/pb")},
	{"sdk/internal/wire/services", of("sdk", "sdk/fault", contracts, "sdk/internal/pb", "sdk/internal/guard", "sdk/internal/wire", "sdk/internal/wire/words")},
	{"sdk/internal/wire/auths", of("sdk", "sdk/fault", contracts, "sdk/internal/pb", "sdk/internal/wire", "sdk/internal/wire/words")},
	{"sdk/serve", of("sdk", "sdk/fault", "sdk/internal/wire", "sdk/internal/wire/services", "sdk/internal/wire/auths", contracts, "sdk/connector/connectortest",
		"sdk/service/servicetest", "sdk/auth/authtest")},
	{"sdk/dial", of("sdk", "sdk/fault", "sdk/internal/wire", "sdk/internal/wire/services", "sdk/internal/wire/auths", contracts)},
	{"config", of("sdk/fault")},
	{"host/internal/parquet", of("sdk", "sdk/fault")},
	{"host/internal/lake", of("host/internal/parquet", "sdk", "sdk/fault")},
	{"host/internal/store", of("sdk", "sdk/fault")},
	{"host/internal/supervisor", of("sdk", "sdk/fault", "sdk/dial", contracts)},
	{"host/internal/ingest", of("sdk", "sdk/connector", "sdk/fault")},
	{"host/internal/schedule", of("sdk", "sdk/fault")},
	{"host/internal/access", of("sdk", "sdk/auth", "sdk/fault")},
	{"host/internal/access/visit", of("host/internal/access", "sdk", "sdk/auth", "sdk/fault")},
	{"host/internal/manifest", of("sdk", "sdk/fault", "web/api")},
	{"host/internal/query", of("sdk", "sdk/service", "sdk/fault", "web/api")},
	{"host/internal/inbox", of("sdk", "sdk/fault", "web/api")},
	{"host/internal/gate", of("sdk", "sdk/fault", "web/api")},
	{"host/internal/catalog", of("sdk", "sdk/fault")},
	{"host/internal/catalog/register", nil},
	{"host/internal/profile", of("sdk", "sdk/fault", "web/api")},
	{"host/internal/audit", of("sdk/fault")},
	{"host/internal/usage", of("sdk", "sdk/fault", "web/api")},
	{"host/internal/notify", of("sdk", "sdk/service", "sdk/fault")},
	{"plugins/connector/sample/shop", nil},
	{"host/internal/app", of("host/internal/parquet", "host/internal/lake", "host/internal/store", "host/internal/supervisor",
		"host/internal/ingest", "host/internal/schedule", "host/internal/access", "host/internal/access/visit", "host/internal/catalog", "host/internal/catalog/register", "host/internal/profile",
		"host/internal/notify", "host/internal/audit", "host/internal/usage", "host/internal/manifest", "host/internal/query", "host/internal/inbox", "host/internal/gate",
		"web", "web/api", "web/api/tools", "config", "plugins/connector/sample/shop", "sdk/connector/connectortest", "sdk", "sdk/fault", "sdk/dial", contracts)},
	{"host/broker", of("host/internal/app", "config", "sdk/fault", "web/terminal")},
	{"web/api", nil},
	{"web/api/tools", of("web/api")},
	{"web", of("sdk", "sdk/auth", "sdk/fault", "web/api", "web/api/tools")},
	{"web/terminal", of("sdk/fault")},
	{"web/client", of("web/api", "sdk/fault")},
	{"web/mirror", of("web/api", "sdk/fault", "web/mirror/views")},
	{"web/mirror/views", of("web/api")},
	{"web/mirror/lex", nil},
	{"web/mirror/types", nil},
	{"web/mirror/duck", of("web/api", "sdk/fault", "web/mirror/lex", "web/mirror/types")},
	{"web/mirror/ask", of("web/api", "sdk/fault", "web/mirror/duck", "web/mirror/lex", "web/mirror/types")},
	{"web/mirror/receipt", of("web/api", "sdk/fault", "web/mirror/duck", "web/mirror/ask", "web/mirror/types")},
	{"web/mirror/diff", of("web/api", "sdk/fault", "web/mirror/views", "web/mirror/duck", "web/mirror/ask")},
	{"web/analyst", of("web/client", "web/mirror", "web/mirror/views", "web/mirror/lex", "web/mirror/duck", "web/mirror/ask", "web/mirror/receipt", "web/mirror/diff",
		"web/api", "web/api/tools", "web/terminal", "sdk/fault")},
	{"plugins/auth/internal/link", of("sdk/auth")},
	{"plugins/auth/internal/post", of("sdk", "sdk/fault")},
	{"plugins", of("sdk", "sdk/fault", contracts, "sdk/rest", "sdk/serve", "plugins/auth/internal/link", "plugins/auth/internal/post")},
	{"examples", of("sdk", "sdk/fault", contracts, "sdk/rest", "sdk/serve")},
	{"test/binaries", nil},
	{"test", of("test/binaries", "test/demo", "sdk", "sdk/fault", contracts, "sdk/rest", "sdk/serve", "sdk/dial")},
}

// ownFolders lists the folders whose plugins may also import rooms of their own that have a row.
var ownFolders = map[string]string{"plugins/connector/sample": "plugins/connector/sample/shop"}

// libraries says where third-party code may be imported: import path prefix → rooms. Others are free, as long as some
// room needs them.
var libraries = map[string][]string{
	"github.com/gofiber/":                            {"web"},
	"github.com/valyala/fasthttp":                    {"web"},
	"github.com/hashicorp/go-plugin":                 {"sdk/internal/wire", "sdk/serve", "sdk/dial"},
	"github.com/hashicorp/hcl/":                      {"config"},
	"github.com/zclconf/go-cty":                      {"config"},
	"github.com/robfig/cron/":                        {"host/internal/schedule"},
	"github.com/apache/iceberg-go":                   {"host/internal/lake"},
	"github.com/apache/arrow-go/v18":                 {"host/internal/lake", "host/internal/parquet"},
	"gocloud.dev/blob":                               {"host/internal/lake"},
	"github.com/aws/":                                {"host/internal/lake"},
	"modernc.org/sqlite":                             {"host/internal/store"},
	"github.com/jackc/pgx":                           {"host/internal/store"},
	"github.com/pressly/goose":                       {"host/internal/store"},
	"github.com/duckdb/":                             {"web/mirror", "plugins/service/duckdb", "test"},
	"github.com/spf13/cobra":                         {"host/broker", "web/analyst", "web/terminal"},
	"github.com/jedib0t/go-pretty":                   {"host/broker", "web/analyst", "web/terminal", "web/mirror"},
	"google.golang.org/grpc":                         {"sdk/internal/wire", "sdk/internal/wire/words", "sdk/internal/wire/services", "sdk/internal/wire/auths", "sdk/internal/pb", "sdk/serve", "sdk/dial", "test"},
	"google.golang.org/protobuf":                     {"sdk/internal/wire", "sdk/internal/wire/words", "sdk/internal/wire/services", "sdk/internal/wire/auths", "sdk/internal/pb", "sdk/serve", "sdk/dial", "test"},
	"go.yaml.in/yaml":                                {"config", "host/internal/catalog", "web/analyst", "web/api/tools"},
	"github.com/modelcontextprotocol/go-sdk":         {"web/api", "web", "web/analyst"},
	"github.com/coreos/go-oidc":                      {"plugins/auth/google"},
	"golang.org/x/oauth2":                            {"plugins/auth/google"},
	"github.com/golang-jwt/jwt":                      {"plugins/auth", "test"},
	"github.com/wneessen/go-mail":                    {"plugins/auth"},
	"github.com/emersion/":                           {"plugins/auth", "test"},
	"github.com/zalando/go-keyring":                  {"web/analyst"},
	"github.com/gorilla/":                            {"web"},
	"github.com/prometheus/":                         {"web/metrics"},
	"github.com/cockroachdb/pebble":                  {},
	"github.com/apache/arrow/go/v17":                 {"sdk", "sdk/connector", "sdk/internal/guard", "sdk/internal/wire", "sdk/internal/wire/services", "sdk/connector/connectortest", "sdk/service", "host/internal/query", "host/internal/parquet", "host/internal/lake", "host/internal/ingest", "host/internal/profile", "host/internal/app", "plugins", "examples", "test", "sdk/serve"},
	"github.com/stretchr/testify":                    {},
	"github.com/chromedp/":                           {"test"},
	"github.com/gofiber/contrib":                     {},
	"golang.org/x/crypto/openpgp":                    {},
	"github.com/gorilla/csrf":                        {},
	"github.com/gofiber/fiber/v2/middleware/session": {},
	"github.com/gofiber/fiber/v2/middleware/csrf":    {},
}

// hostNever are packages that must not be linked into the host, by import path prefix, each with the reason.
var hostNever = map[string]string{
	"github.com/apache/arrow/go/v17/parquet":      "two Parquet libraries do not link: duplicate symbol (lake.md §2)",
	"github.com/apache/arrow/go/v17/arrow/flight": "registers Flight.proto a second time and panics at start (lake.md §2)",
	"github.com/apache/arrow/go/v17/arrow/cdata":  "does not link beside v18's (lake.md §2)",
	"github.com/duckdb/":                          "the host stays pure Go",
	"github.com/cockroachdb/pebble":               "for tests only",
	"golang.org/x/crypto/openpgp":                 "GO-2026-5932",
}

// top is the fixed top level; names with a leading dot are free.
var top = map[string]bool{"host": true, "plugins": true, "sdk": true, "web": true, "examples": true, "config": true, "docs": true,
	"test": true, "go.mod": true, "go.sum": true, "Makefile": true, "README.md": true, "LICENSE": true}

// made are folders and files that commands make and git ignores.
var made = map[string]bool{"bin": true, "demo": true, "dist": true, "coverage.out": true}

// Budgets of architecture.md §3.
const (
	maxFunction   = 60   // lines
	p95Function   = 40   // lines
	maxFile       = 500  // lines
	maxPackage    = 1500 // lines, tests and generated code left out
	maxExported   = 25   // top-level names of a package
	maxDepth      = 8    // longest chain of rooms that import each other
	maxHelloLines = 60   // lines of examples/connector-hello/main.go
)

// moreNames are packages that may export more: the nouns of everybody, and contracts whose messages are one type each.
var moreNames = map[string]int{"sdk": 100, "sdk/connector": 75, "sdk/service": 35, "sdk/auth": 35, "host/internal/app": 45, "web": 35, "web/api": 160, "web/v1": 40}

// moreLines are packages that may be longer: the contract and the author's side of it belong into one room, so that an
// author reads one page.
var moreLines = map[string]int{"sdk/connector": 2300}

func of(parts ...any) []string {
	var paths []string
	for _, p := range parts {
		switch p := p.(type) {
		case string:
			paths = append(paths, p)
		case []string:
			paths = append(paths, p...)
		}
	}
	return paths
}
