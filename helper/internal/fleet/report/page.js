'use strict';
(() => {
  const table = document.querySelector('table');
  const projects = [...table.tBodies];
  const heads = [...table.tHead.querySelectorAll('th[data-key]')];
  const search = document.getElementById('search');
  const chips = [...document.querySelectorAll('.chip')];
  const order = document.getElementById('order');
  const shown = document.getElementById('shown');

  // People look for big values, so these come first. Names and verdicts have their own order.
  const descendingFirst = { age: true, size: true, took: true };
  let key = 'verdict';
  let descending = false;

  const compare = (a, b) => {
    let result = key === 'name'
      ? a.dataset.name.localeCompare(b.dataset.name, undefined, { numeric: true })
      : Number(a.dataset[key]) - Number(b.dataset[key]);
    if (descending) {
      result = -result;
    }
    return result || Number(a.dataset.order) - Number(b.dataset.order);
  };

  const sort = () => {
    for (const head of heads) {
      head.setAttribute('aria-sort', head.dataset.key !== key ? 'none' : descending ? 'descending' : 'ascending');
    }
    order.value = key;
    table.append(...projects.sort(compare));
  };

  const filter = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const verdicts = chips.filter((chip) => chip.getAttribute('aria-pressed') === 'true').map((chip) => chip.dataset.verdict);
    let count = 0;
    for (const project of projects) {
      const fits = words.every((word) => project.dataset.search.includes(word)) &&
        (verdicts.length === 0 || verdicts.includes(project.dataset.class));
      project.hidden = !fits;
      count += fits;
    }
    const all = projects.length + (projects.length === 1 ? ' project' : ' projects');
    shown.textContent = count === projects.length ? all : count + ' of ' + all;
    document.getElementById('nothing').hidden = count > 0;
  };

  const sortBy = (next) => {
    descending = next === key ? !descending : Boolean(descendingFirst[next]);
    key = next;
    sort();
  };

  for (const head of heads) {
    const button = document.createElement('button');
    button.type = 'button';
    button.textContent = head.textContent;
    button.addEventListener('click', () => sortBy(head.dataset.key));
    head.replaceChildren(button);
  }
  order.addEventListener('change', () => {
    key = order.value;
    descending = Boolean(descendingFirst[key]);
    sort();
  });
  for (const chip of chips) {
    chip.addEventListener('click', () => {
      chip.setAttribute('aria-pressed', String(chip.getAttribute('aria-pressed') !== 'true'));
      filter();
    });
  }
  search.addEventListener('input', filter);
  document.addEventListener('keydown', (event) => {
    if (event.key === '/' && event.target !== search && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      search.focus();
    } else if (event.key === 'Escape' && event.target === search) {
      search.value = '';
      filter();
    }
  });

  // The page may be days old, so show its age.
  const since = document.getElementById('since');
  const tell = () => {
    const minutes = Math.floor((Date.now() - Date.parse(document.getElementById('made').dateTime)) / 60000);
    const [count, noun] = minutes < 120 ? [minutes, 'minute'] : minutes < 2880 ? [Math.floor(minutes / 60), 'hour'] : [Math.floor(minutes / 1440), 'day'];
    since.textContent = minutes < 1 ? '' : ', ' + count + ' ' + noun + (count === 1 ? '' : 's') + ' ago';
    since.classList.toggle('old', minutes >= 1440);
  };
  tell();
  setInterval(tell, 60000);

  document.getElementById('controls').hidden = false;
  sort();
  filter(); // a browser may have kept what was in the text box
})();
