// The collapse map: a number at every combination of two settings.

const SHARE = " share collapsed";
const NO_SETTING = " none";

function mapMetrics() {
  const wanted = ["mutual_information", "active_units", "collapsed_units", "rate", "elbo"];
  const named = DATA.metrics.map((one) => [one.name, one.label]);
  const rank = (name) => (wanted.includes(name) ? wanted.indexOf(name) : wanted.length);
  named.sort((a, b) => rank(a[0]) - rank(b[0]));
  const judged = DATA.verdict.some((word) => !["no verdict", "not finished"].includes(word));
  return judged ? [...named.slice(0, 1), [SHARE, "share of members collapsed"], ...named.slice(1)] : named;
}

function mapValues(metric) {
  if (metric !== SHARE) return metricNamed(metric).of;
  return DATA.verdict.map((word) => (["no verdict", "not finished", "diverged"].includes(word) ? null : Number(word === "collapsed")));
}

function mapCells(x, y, metric) {
  const of = mapValues(metric);
  const cells = new Map();
  DATA.number.forEach((_, place) => {
    const [a, b] = [settingNamed(x).of[place], y === NO_SETTING ? "" : settingNamed(y).of[place]];
    const key = JSON.stringify([a, b]);
    if (!cells.has(key)) cells.set(key, { a, b, known: [], number: 0 });
    const cell = cells.get(key);
    cell.number += 1;
    if (isNumber(of[place])) cell.known.push(of[place]);
  });
  return [...cells.values()].map(({ a, b, known, number }) => {
    const mean = known.length ? known.reduce((sum, one) => sum + one, 0) / known.length : null;
    return { a, b, m: mean, t: mean === null ? "–" : short(Number(mean.toPrecision(3))), n: number, k: known.length };
  });
}

function mapSpec(cells, x, y, title) {
  const known = cells.filter((cell) => cell.m !== null).map((cell) => cell.m);
  const [low, high] = [Math.min(...known, Infinity), Math.max(...known, -Infinity)];
  const rows = y === NO_SETTING ? [""] : settingNamed(y).values;
  const position = {
    x: { field: "a", type: "nominal", title: x, scale: { domain: settingNamed(x).values }, axis: { labelAngle: settingNamed(x).values.length > 8 ? -60 : 0, labelLimit: 120 } },
    y: { field: "b", type: "nominal", title: y === NO_SETTING ? null : y, scale: { domain: rows }, axis: { labelLimit: window.innerWidth < 640 ? 90 : 180 } },
  };
  const tooltip = [{ field: "a", title: x }, ...(y === NO_SETTING ? [] : [{ field: "b", title: y }]), { field: "t", title }, { field: "k", title: "members with it" }, { field: "n", title: "members" }];
  const layers = [{
    mark: { type: "rect", aria: false, stroke: colour("paper") },
    encoding: {
      color: {
        condition: { test: "datum.m === null", value: colour("raised") },
        field: "m", type: "quantitative", title, scale: { scheme: "cividis", domain: low < high ? [low, high] : [low, low + 1], nice: false },
        legend: { orient: "top", gradientLength: 180 },
      },
      tooltip,
    },
  }];
  const wide = settingNamed(x).values.length * 44 < figureOf("map").clientWidth;
  if (wide) {
    const bright = `datum.m !== null && datum.m > ${(low + high) / 2}`;
    layers.push({
      mark: { type: "text", aria: false },
      encoding: {
        text: { field: "t" }, tooltip,
        color: { condition: [{ test: "datum.m === null", value: colour("ink") }, { test: bright, value: "#000000" }], value: "#ffffff" },
      },
    });
  }
  return { data: { values: cells }, height: Math.min(560, Math.max(60, 34 * rows.length)), encoding: position, layer: layers };
}

async function drawMap(selects) {
  const [x, y, metric] = selects.map((select) => select.value);
  const second = x === y ? NO_SETTING : y;
  const cells = mapCells(x, second, metric);
  const title = metric === SHARE ? "share of members collapsed" : metricNamed(metric).label;
  const empty = cells.filter((cell) => cell.m === null).length;
  const told = `${title} by ${x}${second === NO_SETTING ? "" : ` and ${second}`}: ${cells.length} cells`
    + (empty ? `, ${empty} of them without a number because no member there has one` : "") + ".";
  say("map", told);
  await draw("map-chart", mapSpec(cells, x, second, title), `Collapse map. ${told}`);
  numbersTable("map", title, [x, ...(second === NO_SETTING ? [] : [second]), "mean", "members with it", "members"],
    () => cells.map((c) => [c.a, ...(second === NO_SETTING ? [] : [c.b]), c.m, String(c.k), String(c.n)]));
}

function startMap() {
  const metrics = mapMetrics();
  if (!DATA.settings.length || !metrics.length) return null;
  const figure = figureOf("map");
  figure.hidden = false;
  const names = DATA.settings.map((one) => [one.name, one.name]);
  const first = DATA.settings.toSorted((a, b) => a.is_seed - b.is_seed).map((one) => one.name);
  const redraw = () => drawMap(selects);
  const selects = [
    choice(figure, "Across", names, first[0], redraw),
    choice(figure, "Down", [[NO_SETTING, "(one row)"], ...names], first[1] ?? NO_SETTING, redraw),
    choice(figure, "Number", metrics, metrics[0][0], redraw),
  ];
  return redraw;
}
