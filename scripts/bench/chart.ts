/** The findings as an SVG: throughput beside the peers and the limit, on a logarithmic scale. */
import type { Line } from './line.ts';
import type { ServerName } from './server-process.ts';

const colors: Readonly<Partial<Record<ServerName, string>>> = {
  scimd: '#0f766e',
  limit: '#94a3b8',
  'scimmy memory': '#f59e0b',
  'scimmy SQLite': '#b45309',
};
const names: Readonly<Partial<Record<ServerName, string>>> = {
  scimd: 'scimd, durable',
  limit: 'the limit: node:http and better-sqlite3 alone',
  'scimmy memory': 'scimmy, in memory',
  'scimmy SQLite': 'scimmy on SQLite',
};
const order: readonly ServerName[] = ['scimd', 'limit', 'scimmy memory', 'scimmy SQLite'];
const [left, width, barHeight, gap, top] = [270, 520, 9, 10, 56];

function escapeXml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}

/** For the smallest number of users of the run. */
export function drawChart(lines: readonly Line[]): string {
  const users = Math.min(...lines.map((line) => line.users));
  const shown = lines.filter((line) => line.users === users);
  const rates = shown.flatMap(({ results }) =>
    order.flatMap((name) => (results[name] === undefined ? [] : [results[name].rate])),
  );
  const [low, high] = [Math.floor(Math.log10(Math.min(...rates))), Math.ceil(Math.log10(Math.max(...rates)))];
  const x = (rate: number): number => ((Math.log10(rate) - low) / (high - low)) * width;
  const parts: string[] = [];
  let y = top;
  for (const { title, results } of shown) {
    const bars = order.filter((name) => results[name] !== undefined);
    const middle = y + (bars.length * barHeight) / 2 + 4;
    parts.push(`<text x="${left - 10}" y="${middle}" text-anchor="end">${escapeXml(title)}</text>`);
    for (const name of bars) {
      const rate = results[name]?.rate ?? 0;
      const length = Math.max(1, x(rate));
      const text = rate >= 10 ? Math.round(rate).toLocaleString('en') : rate.toFixed(1);
      parts.push(
        `<rect x="${left}" y="${y}" width="${length.toFixed(1)}" height="${barHeight - 1}" fill="${colors[name]}"/>`,
        `<text class="value" x="${(left + length + 5).toFixed(1)}" y="${y + barHeight - 2}">${text}</text>`,
      );
      y += barHeight;
    }
    y += gap;
  }
  const grid = Array.from({ length: high - low + 1 }, (_, power) => {
    const at = left + (power / (high - low)) * width;
    return `<line x1="${at}" y1="${top - 6}" x2="${at}" y2="${y}" stroke="#8884"/>`;
  });
  const legend = order.map(
    (name, index) =>
      `<rect x="${20 + index * 220 - (index > 1 ? -60 : 0)}" y="26" width="9" height="9" fill="${colors[name]}"/><text x="${34 + index * 220 - (index > 1 ? -60 : 0)}" y="35">${names[name]}</text>`,
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 900 ${y + 10}" font-family="system-ui, sans-serif" font-size="12" fill="#475569">
<title>Requests a second: scimd beside its peers and limits</title>
<style>text{fill:#475569}.value{font-size:9px}@media (prefers-color-scheme:dark){text{fill:#cbd5e1}}</style>
<text x="20" y="16" font-weight="600">Requests a second, ${users.toLocaleString('en')} users, logarithmic</text>
${[...legend, ...grid, ...parts].join('\n')}
</svg>
`;
}
