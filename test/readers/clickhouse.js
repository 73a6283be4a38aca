// Asks ClickHouse about the Iceberg folders of an instance and compares its answers with DuckDB's:
// node clickhouse.js MEASURED.json. One line a table; exit code 1 on any difference.
'use strict';
const fs = require('fs');
const { query } = require('chdb');

const tables = JSON.parse(fs.readFileSync(process.argv[2], 'utf8'));
let wrong = 0;

const trimmed = (text) => (text !== null && text.includes('.') ? text.replace(/0+$/, '').replace(/\.$/, '') : text);

function same(kind, want, got) {
  if (want === got) return true;
  if (want === null || got === null) return false;
  if (kind === 'decimal' && trimmed(want) === trimmed(got)) return true;
  if (kind !== 'float' && kind !== 'decimal') return false;
  const [a, b] = [Number(want), Number(got)];
  // Exact decimals are compared as text above; only their sums are floating point here.
  return Math.abs(a - b) <= 1e-9 * Math.max(1, Math.abs(a), Math.abs(b));
}

for (const table of tables) {
  process.chdir(require('path').dirname(table.folder)); // ClickHouse reads local tables below its own folder only
  const columns = table.questions.map((q, i) => `${q.sql} AS q${i}`).join(', ');
  let row;
  try {
    row = JSON.parse(query(`SELECT ${columns} FROM icebergLocal('${require('path').basename(table.folder)}')`, 'JSONCompactEachRow'));
  } catch (error) {
    console.log(`${table.name}: FAILED: ${error.message}`);
    wrong++;
    continue;
  }
  const differences = [];
  table.questions.forEach((q, i) => {
    const got = row[i] === null ? null : String(row[i]);
    if (!same(q.kind, q.want, got)) differences.push(`${q.column || '*'} ${q.what}: DuckDB ${q.want}, ClickHouse ${got}`);
  });
  if (Number(row[0]) !== table.rows) differences.push(`rows: broker ${table.rows}, ClickHouse ${row[0]}`);
  wrong += differences.length;
  const left = table.left_out.length ? `; beyond ClickHouse's dates: ${table.left_out.join(', ')}` : '';
  console.log(`${table.name}: ${table.rows} rows, ${table.questions.length} questions, ${differences.length ? 'DIFFERENT' : 'same answers'}${left}`);
  differences.forEach((d) => console.log(`  ${d}`));
}
if (tables.length === 0) {
  console.log('no tables to read');
  wrong++;
}
process.exit(wrong ? 1 : 0);
