// The order in which a page comes to life, and a member that is chosen anywhere in it.

const redraws = [];

function chooseMember(number) {
  chosenMember = number;
  const place = DATA.number.indexOf(number);
  const set = (select, value) => {
    if (select && [...select.options].some((one) => one.value === value)) select.value = value;
  };
  set(unitsSelect, String(number));
  set(scheduleSelect, String(DATA.group[place]));
  return drawAll();
}

async function drawAll() {
  for (const redraw of redraws) await redraw();
}

document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[data-member]");
  if (link) chooseMember(Number(link.dataset.member));
});

async function start() {
  startTable();
  for (const begin of [startPlane, startMap, startTraining, startSchedule, startUnits]) {
    const redraw = begin();
    if (redraw) redraws.push(redraw);
  }
  await drawAll();
  // of whoever looks whether a page is quick enough
  document.documentElement.dataset.drawn = String(Math.round(performance.now()));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
}

start();
