// Curves of training: groups of seeds with their bands, and the schedule against the KL.

const ANY = " any";

function curveRows(groups, metric, by) {
  const rows = [];
  for (const group of groups) {
    const curve = DATA.groups[group];
    const own = curve[metric];
    if (!own) continue;
    const value = by === null ? "" : settingNamed(by).of[firstOf[group]];
    curve.steps.forEach((step, i) => {
      if (!isNumber(own.mean[i])) return;
      rows.push({ x: step, m: own.mean[i], l: own.low?.[i] ?? null, h: own.high?.[i] ?? null, c: value, g: group, t: groupText(group) });
    });
  }
  return rows;
}

// what has a band; no layer is made of none, whose axes would have no extent
function bandRows(rows, log) {
  return rows.filter((row) => isNumber(row.l) && (!log || row.l > 0));
}

function chosenGroups(filters) {
  const fits = (group) => Object.entries(filters).every(([name, select]) =>
    select.value === ANY || settingNamed(name).of[firstOf[group]] === select.value);
  return DATA.groups.map((_, group) => group).filter(fits);
}

function curveSpec(rows, metric, by, log) {
  const label = DATA.curves.find((one) => one.name === metric).label;
  const x = { field: "x", type: "quantitative", title: "step", scale: { nice: false } };
  const scale = log ? { type: "log" } : { zero: false };
  const title = label;
  const look = { detail: { field: "g" } };
  if (by !== null) {
    const { scale: colours, ...rest } = colourScale(by);
    look.color = { field: "c", type: "nominal", scale: colours, ...rest };
  }
  const dashed = by !== null && settingNamed(by).values.length <= DASHES.length;
  const dash = dashed ? { strokeDash: { field: "c", type: "nominal", title: by, scale: { domain: settingNamed(by).values, range: DASHES } } } : {};
  const plain = by === null ? { color: colour("series") } : {};
  const band = bandRows(rows, log);
  return {
    height: 320, data: { values: rows },
    layer: [
      ...(band.length ? [{
        data: { values: band },
        mark: { type: "area", opacity: 0.18, aria: false, ...plain },
        encoding: { x, y: { field: "l", type: "quantitative", title, scale }, y2: { field: "h" }, ...look },
      }] : []),
      {
        mark: { type: "line", aria: false, strokeWidth: 2, ...plain },
        encoding: {
          x, y: { field: "m", type: "quantitative", title, scale }, ...look, ...dash,
          tooltip: [{ field: "t", title: "members" }, { field: "x", title: "step" }, { field: "m", title: label }],
        },
      },
    ],
  };
}

async function drawTraining({ metric, by, scale, filters }) {
  const every = chosenGroups(filters).filter((group) => DATA.groups[group][metric.value]);
  const shown = every.slice(0, MOST_LINES);
  const log = scale.value === "log";
  const rows = curveRows(shown, metric.value, by?.value ?? null).filter((row) => !log || row.m > 0);
  const label = DATA.curves.find((one) => one.name === metric.value).label;
  const told = `${label}: ${shown.length} lines`
    + (every.length > shown.length ? `, the first of ${every.length}; choose values of settings to see others` : "") + ".";
  say("training", told);
  if (rows.length) {
    await draw("training-chart", curveSpec(rows, metric.value, by?.value ?? null, log), `Training. ${told}`);
  } else {
    clear("training-chart");
  }
  numbersTable("training", `${label} at the first and the last step that is drawn`,
    ["members", "first step", "then", "last step", "then", "least of the seeds", "greatest"],
    () => shown.map((group) => {
      const own = rows.filter((row) => row.g === group);
      const [first, last] = [own[0], own.at(-1)];
      return own.length ? [first.t, String(first.x), first.m, String(last.x), last.m, last.l, last.h] : [groupText(group)];
    }));
}

function startTraining() {
  if (!DATA.curves.length) return null;
  const figure = figureOf("training");
  figure.hidden = false;
  const redraw = () => drawTraining(selects);
  const apart = DATA.settings.filter((one) => !one.is_seed);
  const metrics = DATA.curves.map((one) => [one.name, one.label]);
  const first = DATA.curves.find((one) => one.name === "rate") ?? DATA.curves[0];
  const names = apart.map((one) => [one.name, one.name]);
  const selects = {
    metric: choice(figure, "Number", metrics, first.name, redraw),
    by: apart.length ? choice(figure, "Colour by", names, names[0][0], redraw) : null,
    scale: choice(figure, "Scale", [["linear", "linear"], ["log", "logarithmic"]], "linear", redraw),
    filters: {},
  };
  for (const one of apart) {
    const values = [[ANY, "any"], ...one.values.map((value) => [value, value])];
    selects.filters[one.name] = choice(figure, `Only ${one.name}`, values, ANY, redraw);
  }
  return redraw;
}

function scheduleSpec(group) {
  const x = { field: "x", type: "quantitative", title: "step", scale: { nice: false } };
  const axis = (name) => ({ titleColor: colour(name), labelColor: colour(name) });
  const rate = { type: "quantitative", title: "rate, KL (nats)", axis: axis("series"), scale: { zero: true } };
  const beta = { field: "m", type: "quantitative", title: "beta (dashed)", axis: { ...axis("series-2"), grid: false }, scale: { zero: true } };
  const tooltip = [{ field: "x", title: "step" }, { field: "m", title: "value" }];
  const rates = curveRows([group], "rate", null);
  const band = bandRows(rates, false);
  return {
    height: 280, resolve: { scale: { y: "independent" } },
    layer: [
      {
        data: { values: rates },
        layer: [
          ...(band.length ? [{ data: { values: band }, mark: { type: "area", opacity: 0.2, color: colour("series"), aria: false }, encoding: { x, y: { ...rate, field: "l" }, y2: { field: "h" } } }] : []),
          { mark: { type: "line", color: colour("series"), strokeWidth: 2, aria: false }, encoding: { x, y: { ...rate, field: "m" }, tooltip } },
        ],
      },
      { data: { values: curveRows([group], "beta", null) }, mark: { type: "line", color: colour("series-2"), strokeDash: [6, 4], strokeWidth: 2, aria: false }, encoding: { x, y: beta, tooltip } },
    ],
  };
}

async function drawSchedule(select) {
  const group = Number(select.value);
  const { steps, rate, beta } = DATA.groups[group];
  const told = `${groupText(group)}: at the last step, ${steps.at(-1)}, beta is ${short(beta.mean.at(-1))} and the KL ${short(rate.mean.at(-1))} nats.`;
  say("schedule", told);
  await draw("schedule-chart", scheduleSpec(group), `Schedule against KL. ${told}`);
  numbersTable("schedule", groupText(group), ["step", "beta", "KL (nats)", "least of the seeds", "greatest"],
    () => steps.map((step, i) => [String(step), beta.mean[i], rate.mean[i], rate.low?.[i], rate.high?.[i]]));
}

let scheduleSelect = null;

function startSchedule() {
  const having = DATA.groups.map((_, group) => group).filter((group) => DATA.groups[group].beta && DATA.groups[group].rate);
  if (!having.length) return null;
  const figure = figureOf("schedule");
  figure.hidden = false;
  const redraw = () => drawSchedule(scheduleSelect);
  // the first whose beta moves says the most
  const moves = having.find((group) => new Set(DATA.groups[group].beta.mean).size > 1) ?? having[0];
  scheduleSelect = choice(figure, "Members with", having.map((group) => [String(group), groupText(group)]), String(moves), redraw);
  return redraw;
}
