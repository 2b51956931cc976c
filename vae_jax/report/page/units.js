// The KL of every unit of a member: in the end, and over the steps where a run recorded it.

let unitsSelect = null;

function unitsSpec(values) {
  const rows = values.map((kl, unit) => ({ u: unit, kl }));
  return {
    height: 220, data: { values: rows },
    mark: { type: "bar", color: colour("series"), aria: false },
    encoding: {
      x: { field: "u", type: "ordinal", title: "unit", axis: { labelAngle: 0 } },
      y: { field: "kl", type: "quantitative", title: "KL at the end (nats)" },
      tooltip: [{ field: "u", title: "unit" }, { field: "kl", title: "KL (nats)" }],
    },
  };
}

function unitsTimeSpec({ steps, kl }) {
  const rows = kl.flatMap((units, i) => units.map((value, unit) => ({ x: steps[i], u: unit, kl: value })));
  return {
    height: 260, data: { values: rows.filter((row) => isNumber(row.kl)) },
    mark: { type: "line", aria: false, strokeWidth: 1.5 },
    encoding: {
      x: { field: "x", type: "quantitative", title: "step", scale: { nice: false } },
      y: { field: "kl", type: "quantitative", title: "KL of a unit (nats)" },
      color: { field: "u", type: "ordinal", title: "unit", scale: { scheme: "viridis" }, legend: kl[0].length > 16 ? null : {} },
      detail: { field: "u" },
      tooltip: [{ field: "u", title: "unit" }, { field: "x", title: "step" }, { field: "kl", title: "KL (nats)" }],
    },
  };
}

async function drawUnits() {
  const number = unitsSelect.value;
  const place = DATA.number.indexOf(Number(number));
  const [end, course] = [DATA.units[number], DATA.unit_history[number]];
  const parts = [`Member ${number} (${[DATA.verdict[place], settingsText(place)].filter(Boolean).join("; ")}):`];
  if (end) parts.push(`${end.length} units, of which ${end.filter((kl) => kl >= 0.01).length} have a KL of 0.01 nats or more at the end; ${short(end.reduce((a, b) => a + b, 0))} nats together.`);
  if (!course) parts.push("This run kept no KL of each unit on its way: over the steps there is their sum, the rate, which is drawn under Training.");
  const told = parts.join(" ");
  say("units", told);
  if (course) await draw("units-time-chart", unitsTimeSpec(course), `KL of every unit over the steps. ${told}`);
  else clear("units-time-chart");
  if (end) await draw("units-chart", unitsSpec(end), `KL of every unit at the end. ${told}`);
  else clear("units-chart");
  numbersTable("units", `KL of every unit of member ${number}, in nats`,
    ["unit", ...(end ? ["at the end"] : []), ...(course ? course.steps.map((step) => `step ${step}`) : [])],
    () => (end ?? course.kl[0]).map((_, unit) => [String(unit), ...(end ? [end[unit]] : []), ...(course ? course.kl.map((row) => row[unit]) : [])]));
}

function startUnits() {
  const numbers = DATA.number.filter((n) => DATA.units[n] || DATA.unit_history[n]);
  if (!numbers.length) return null;
  const figure = figureOf("units");
  figure.hidden = false;
  const text = (n) => {
    const place = DATA.number.indexOf(n);
    return [`${n}: ${DATA.verdict[place]}`, settingsText(place)].filter(Boolean).join("; ");
  };
  const redraw = () => drawUnits();
  unitsSelect = choice(figure, "Member", numbers.map((n) => [String(n), text(n)]), String(numbers[0]), redraw);
  return redraw;
}
