// What all charts share: data, colours of the page, choices, and the tables beside them.

const DATA = JSON.parse(document.getElementById("data").textContent);
// of Okabe and Ito, and two more; on dark paper brighter ones
const PALETTES = {
  light: ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#8C6D31", "#7F7F7F"],
  dark: ["#56B4E9", "#FF7F45", "#2BC79A", "#E28FC0", "#E69F00", "#F0E442", "#B39DDB", "#AAAAAA"],
};
const DASHES = [[1, 0], [6, 3], [2, 2], [8, 3, 2, 3], [10, 4], [4, 2], [1, 3], [6, 2, 1, 2]];
const SHAPES = {
  "healthy": "circle", "partially collapsed": "square", "collapsed": "triangle-down",
  "unreliable": "diamond", "diverged": "cross",
};
const MOST_LINES = 80;
const views = new Map();
const isDark = () => matchMedia("(prefers-color-scheme: dark)").matches;

const metricNamed = (name) => DATA.metrics.find((one) => one.name === name);
const settingNamed = (name) => DATA.settings.find((one) => one.name === name);
const figureOf = (id) => document.getElementById(id);
const say = (id, text) => { figureOf(id).querySelector(".said").textContent = text; };
const isNumber = (value) => typeof value === "number";
const short = (value) => (isNumber(value) ? String(Number(value.toPrecision(4))) : "–");

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

function verdictColour(word) {
  return colour(word.replaceAll(" ", "-")) || colour("other");
}

function chartConfig() {
  const [ink, line] = [colour("ink"), colour("line")];
  const text = { aria: false, labelColor: ink, titleColor: ink, labelFontSize: 12, titleFontSize: 12, titleFontWeight: "normal" };
  return {
    background: "transparent", font: "system-ui, sans-serif", view: { stroke: line },
    axis: { ...text, gridColor: line, gridOpacity: 0.6, domainColor: line, tickColor: line, labelOverlap: true, labelFlush: false, labelSeparation: 4 },
    legend: { ...text, orient: "bottom", columns: window.innerWidth < 640 ? 2 : 5, labelLimit: 140, symbolSize: 80, symbolOpacity: 1 },
    text: { color: ink },
  };
}

// colours of the values of a setting or of the verdicts, with a legend
function colourScale(name) {
  if (name === "verdict") {
    return { title: "verdict", scale: { domain: DATA.verdicts, range: DATA.verdicts.map(verdictColour) } };
  }
  const values = settingNamed(name).values;
  const palette = PALETTES[isDark() ? "dark" : "light"];
  const few = values.length <= palette.length;
  const scale = few ? { domain: values, range: palette.slice(0, values.length) } : { domain: values, scheme: "viridis" };
  const legend = values.length > 24 ? null : {};
  return { title: name, scale, ...(legend === null ? { legend } : {}) };
}

async function draw(id, spec, description) {
  const target = document.getElementById(id);
  const whole = {
    width: "container",
    autosize: { type: "fit-x", contains: "padding" }, description, ...spec,
  };
  const options = { mode: "vega-lite", renderer: "svg", actions: false, config: chartConfig(), tooltip: { theme: isDark() ? "dark" : "light" } };
  views.get(id)?.finalize();
  const { view } = await vegaEmbed(target, whole, options);
  views.set(id, view);
  const svg = target.querySelector("svg");
  svg?.setAttribute("role", "img");
  svg?.setAttribute("aria-label", description);
  return view;
}

function clear(id) {
  views.get(id)?.finalize();
  views.delete(id);
  document.getElementById(id).replaceChildren();
}

// a labelled select above a chart; its value is asked for, and changes redraw
function choice(figure, label, options, chosen, changed) {
  const holder = document.createElement("label");
  const select = document.createElement("select");
  for (const [value, text] of options) select.add(new Option(text, value, false, value === chosen));
  select.setAttribute("aria-label", label);
  holder.append(label, select);
  figure.querySelector(".choices").append(holder);
  select.addEventListener("change", changed);
  return select;
}

// the numbers of a chart as a table, made when they are asked for
function numbersTable(id, caption, heads, rows) {
  const details = figureOf(id).querySelector("details");
  const holder = details.querySelector(".numbers");
  const fill = () => {
    const table = document.createElement("table");
    table.createCaption().textContent = caption;
    const head = table.createTHead().insertRow();
    for (const text of heads) {
      const cell = document.createElement("th");
      cell.scope = "col";
      cell.textContent = text;
      head.append(cell);
    }
    const body = table.createTBody();
    for (const values of rows()) {
      const row = body.insertRow();
      for (const value of values) row.insertCell().textContent = isNumber(value) ? short(value) : value ?? "–";
    }
    holder.replaceChildren(table);
  };
  details.ontoggle = () => { if (details.open) fill(); };
  if (details.open) fill();
}

const firstOf = DATA.groups.map((_, group) => DATA.group.indexOf(group));
const sizeOf = DATA.groups.map((_, group) => DATA.group.filter((one, place) => one === group && DATA.verdict[place] !== "not finished").length);

function settingsText(place, names) {
  const own = DATA.settings.filter((one) => !names || names.includes(one.name));
  return own.map((one) => `${one.name}=${one.of[place]}`).join(", ");
}

function groupText(group) {
  const apart = DATA.settings.filter((one) => !one.is_seed).map((one) => one.name);
  const said = settingsText(firstOf[group], apart) || "all members";
  return sizeOf[group] > 1 ? `${said} (${sizeOf[group]} members)` : said;
}
