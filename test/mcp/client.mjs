// A client of another author: it speaks MCP with the server given on the command line and prints what it was told as JSON.
//   node client.mjs SDK stdio COMMAND DIR      node client.mjs SDK http URL     (token in $TOKEN)
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import path from "node:path";

const [sdk, kind, target, dir] = process.argv.slice(2);
const require = createRequire(path.join(sdk, "package.json"));
const load = (name) => import(pathToFileURL(require.resolve("@modelcontextprotocol/sdk/" + name)).href);

const { Client } = await load("client/index.js");
let transport;
if (kind === "stdio") {
  const { StdioClientTransport } = await load("client/stdio.js");
  transport = new StdioClientTransport({ command: target, args: ["mcp"], cwd: dir, env: { ...process.env } });
} else {
  const { StreamableHTTPClientTransport } = await load("client/streamableHttp.js");
  transport = new StreamableHTTPClientTransport(new URL(target), {
    requestInit: { headers: { Authorization: "Bearer " + process.env.TOKEN } },
  });
}
const client = new Client({ name: "another", version: "1" });
await client.connect(transport);
const call = async (name, args) => {
  const answer = await client.callTool({ name, arguments: args });
  return { isError: !!answer.isError, structured: answer.structuredContent, text: answer.content?.[0]?.text };
};
const many = await Promise.all([...Array(20).keys()].map((i) => call("query", { sql: `select ${i} as n, count(*) as c from shop.orders` })));
const out = {
  server: client.getServerVersion()?.name,
  tools: (await client.listTools()).tools.map((t) => t.name).sort(),
  tables: await call("list_tables", {}),
  describe: await call("describe_table", { table: "shop.customers" }),
  query: await call("query", { sql: "select segment, count(*) as n from shop.customers group by 1 order by 1" }),
  sample: await call("sample", { table: "shop.customers", rows: 3 }),
  freshness: await call("freshness", {}),
  changes: await call("changes", {}),
  find: await call("find", { text: "customer" }),
  write: await call("query", { sql: "drop table shop.customers" }),
  metric: await call("metric", { name: "total_revenue" }),
  nometric: await call("metric", { name: "no such" }),
  hostile: await call("sample", { table: "shop.hostile" }),
  hostiletable: await call("describe_table", { table: "shop.hostile" }),
  big: await call("query", { sql: "select repeat('x', 4000) as x from range(1000)", limit: 1000 }),
  answered: many.filter((a, i) => a.structured?.rows?.[0]?.[0] === i && a.structured.rows[0][1] === 1000).length,
  refused: many.filter((a) => a.isError && a.structured?.code === "rate_limited").length,
  unknown: await call("describe_table", { table: "hr.salaries" }),
};
process.stdout.write(JSON.stringify(out));
await client.close();
