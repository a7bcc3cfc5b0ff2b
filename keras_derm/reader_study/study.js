"use strict";
(() => {
  const KEYS = "1234567890abcdef";
  const study = JSON.parse(document.getElementById("study").textContent);
  const find = id => document.getElementById(id);
  const made = (tag, properties = {}, ...children) => {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  };

  // ---- what is kept between visits ------------------------------------------------
  const keyOf = reader => `keras_derm reader study ${study.study} ${reader.series}`;
  let keeps = true;
  const warn = text => { find("warning").textContent = text; find("warning").hidden = !text; };
  const cannotKeep = () => {
    keeps = false;
    warn("This browser keeps nothing for this page: save your answers as a file before "
      + "you close it, and go on from that file later.");
  };
  const load = reader => {
    try {
      return JSON.parse(localStorage.getItem(keyOf(reader))) || null;
    } catch (error) { cannotKeep(); return null; }
  };
  const keep = () => {
    try {
      localStorage.setItem(keyOf(reader), JSON.stringify({answers}));
    } catch (error) { cannotKeep(); }
  };

  // ---- where the reader is ----------------------------------------------------------
  let reader = null, answers = {}, place = 0, active = 0, since = 0, unsaved = false;
  const step = () => reader.steps[place];
  const current = () => answers[step().id] ||= {ms: 0, values: {}, done: false};
  const isAsked = question => question.pair === step().pair && (!question.when
    || question.when[1].includes(current().values[question.when[0]]));
  const asked = () => study.questions.filter(isAsked);
  const isAnswered = question => question.several
    || question.name in current().values;
  const countDone = () => reader.steps.filter(each => answers[each.id]?.done).length;
  const countTime = () => {
    const now = performance.now();
    if (reader && !find("reading").hidden && !document.hidden && since) {
      current().ms += Math.round(now - since);
    }
    since = document.hidden ? 0 : now;
  };

  // ---- the file of answers -----------------------------------------------------------
  const crc32 = text => {
    let crc = -1;
    for (const byte of new TextEncoder().encode(text)) {
      crc ^= byte;
      for (let bit = 0; bit < 8; bit++) crc = crc >>> 1 ^ (crc & 1 ? 0xEDB88320 : 0);
    }
    return ((crc ^ -1) >>> 0).toString(16).padStart(8, "0");
  };
  const fileOfAnswers = () => {
    const given = reader.steps.filter(each => answers[each.id]?.done).map(each => (
      {step: each.id, ms: answers[each.id].ms, values: answers[each.id].values}));
    const signed = {study: study.study, series: reader.series, reader: reader.code,
      answers: given};
    return JSON.stringify({format: study.format, version: study.version,
      study: study.study, series: reader.series, reader: reader.code,
      complete: given.length === reader.steps.length, answers: given,
      crc32: crc32(JSON.stringify(signed))});
  };
  const save = () => {
    countTime();
    const url = URL.createObjectURL(
      new Blob([fileOfAnswers()], {type: "application/json"}));
    const link = made("a", {href: url,
      download: `answers_${study.study}_${reader.code}.json`});
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(url), 60000);
    unsaved = false;
    find("status").textContent = "";
  };
  const goOnFrom = text => {
    let content;
    try { content = JSON.parse(text); } catch (error) { content = {}; }
    const found = study.readers.find(each => each.code === content.reader
      && each.series === content.series);
    const signed = {study: content.study, series: content.series,
      reader: content.reader, answers: content.answers};
    if (content.format !== study.format || content.study !== study.study || !found
        || content.crc32 !== crc32(JSON.stringify(signed))) {
      warn("This is no file of answers of this study, or it is damaged.");
      return;
    }
    const saved = {};
    for (const answer of content.answers) {
      saved[answer.step] = {ms: answer.ms, values: answer.values, done: true};
    }
    begin(found, {answers: saved});
  };

  // ---- showing ------------------------------------------------------------------------
  const show = id => {
    for (const section of ["start", "reading", "end"]) find(section).hidden = section !== id;
  };
  const showStart = () => {
    const box = find("readers");
    study.readers.forEach((each, i) => {
      const kept = load(each);
      const n = kept ? each.steps.filter(s => kept.answers[s.id]?.done).length : 0;
      const told = n ? `: ${n} of ${each.steps.length} answered` : "";
      const input = made("input", {type: "radio", name: "reader", id: `reader-${i}`,
        value: i});
      input.checked = study.readers.length === 1;
      box.append(made("label", {className: "option", htmlFor: input.id}, input,
        made("span", {textContent: each.code + told})));
    });
    show("start");
  };
  const begin = (chosen, kept) => {
    reader = chosen;
    answers = kept?.answers || {};
    place = reader.steps.findIndex(each => !answers[each.id]?.done);
    if (keeps) warn("");
    if (place < 0) { place = reader.steps.length - 1; showEnd(); return; }
    keep();
    showStep();
  };
  const showStep = () => {
    show("reading");
    const n = reader.steps.length;
    find("place").textContent = `Picture ${place + 1} of ${n}`;
    find("progress").max = n;
    find("progress").value = countDone();
    find("pictures").className = step().pair ? "pictures two" : "pictures";
    find("pictures").replaceChildren(...step().pictures.map((id, i) => {
      const name = step().pair ? "AB"[i] : "";
      const image = made("img", {src: `data:image/jpeg;base64,${study.pictures[id]}`,
        alt: name ? `Picture ${name}` : `Picture ${place + 1}`, draggable: false});
      return made("figure", {}, ...(name
        ? [made("figcaption", {textContent: name}), image] : [image]));
    }));
    find("back").disabled = place === 0;
    find("status").textContent = "";
    active = Math.max(asked().findIndex(each => !isAnswered(each)), 0);
    drawQuestions();
    scrollTo(0, 0);
    find("place").focus({preventScroll: true});
    since = performance.now();
  };
  const drawQuestions = () => {
    find("questions").replaceChildren(...asked().map((question, q) => {
      const values = current().values[question.name];
      const options = question.options.map((option, i) => {
        const input = made("input", {type: question.several ? "checkbox" : "radio",
          name: question.name, id: `${question.name}-${i}`, value: option.value});
        input.checked = question.several
          ? (values || []).includes(option.value) : values === option.value;
        input.addEventListener("change", () => { active = q; choose(q, i); });
        const label = made("label", {className: "option", htmlFor: input.id}, input);
        if (option.swatch) {
          const swatch = made("span", {className: "swatch"});
          swatch.style.backgroundColor = option.swatch;
          label.append(swatch);
        }
        label.append(made("span", {textContent: option.label}));
        const kbd = made("kbd", {textContent: KEYS[i]});
        kbd.setAttribute("aria-hidden", "true");
        label.append(kbd);
        return label;
      });
      const box = made("fieldset", {className: q === active ? "active" : ""},
        made("legend", {textContent: question.prompt}),
        made("div", {className: "options"}, ...options));
      box.dataset.question = question.name;
      return box;
    }));
  };
  const showEnd = () => {
    const left = reader.steps.length - countDone();
    find("end-told").textContent = left ? `${left} pictures are not answered yet.`
      : `All ${reader.steps.length} pictures are answered. Save the file of answers and `
        + "send it to whoever gave you this page.";
    find("text").value = fileOfAnswers();
    show("end");
    find("end-title").focus();
  };

  // ---- answering --------------------------------------------------------------------------
  const choose = (q, i) => {
    const question = asked()[q], values = current().values;
    const value = question.options[i].value;
    const focused = document.activeElement?.id;
    if (question.several) {
      const chosen = new Set(values[question.name] || []);
      chosen.has(value) ? chosen.delete(value) : chosen.add(value);
      values[question.name] = question.options.map(each => each.value)
        .filter(each => chosen.has(each));
    } else {
      values[question.name] = value;
      active = Math.min(q + 1, asked().length - 1);
    }
    // What is no longer asked is no answer.
    for (const each of study.questions) if (!isAsked(each)) delete values[each.name];
    current().done = false;
    unsaved = true;
    find("status").textContent = "";
    keep();
    drawQuestions();
    if (focused) find(focused)?.focus({preventScroll: true});
    document.querySelector("fieldset.active")?.scrollIntoView({block: "nearest"});
  };
  const next = () => {
    const left = asked().findIndex(each => !isAnswered(each));
    if (left >= 0) {
      active = left;
      drawQuestions();
      find("status").textContent = `Please answer first: ${asked()[left].prompt}`;
      find(`${asked()[left].name}-0`).focus();
      return;
    }
    countTime();
    for (const each of asked()) if (each.several) current().values[each.name] ||= [];
    current().done = true;
    if (place === reader.steps.length - 1) { keep(); showEnd(); return; }
    place += 1;
    keep();
    showStep();
  };
  const back = () => {
    if (place === 0) return;
    countTime();
    place -= 1;
    keep();
    showStep();
  };
  const onEnter = () => {
    // In the midst of the questions Enter leaves one that takes several answers.
    const later = asked().findIndex((each, q) => q > active && !isAnswered(each));
    if (asked()[active]?.several && later >= 0) {
      active = later;
      drawQuestions();
    } else next();
  };

  document.addEventListener("keydown", event => {
    if (find("reading").hidden || event.ctrlKey || event.metaKey || event.altKey) return;
    const i = KEYS.indexOf(event.key.toLowerCase());
    const onButton = document.activeElement?.tagName === "BUTTON";
    if (i >= 0 && asked()[active]?.options[i]) choose(active, i);
    else if (event.key === "Enter" && !onButton) onEnter();
    else if (event.key === "Backspace") back();
    else return;
    event.preventDefault();
  });
  document.addEventListener("focusin", event => {
    const box = event.target.closest("fieldset[data-question]");
    const q = box ? asked().findIndex(each => each.name === box.dataset.question) : -1;
    if (q < 0 || q === active) return;
    active = q;
    document.querySelectorAll("fieldset[data-question]").forEach(
      (each, i) => each.classList.toggle("active", i === q));
  });
  document.addEventListener("visibilitychange", () => {
    if (!reader || find("reading").hidden) return;
    if (document.hidden) { countTime(); since = 0; keep(); } else since = performance.now();
  });
  addEventListener("beforeunload", event => {
    if (!keeps && unsaved) event.preventDefault();
  });
  find("begin").addEventListener("click", () => {
    const chosen = document.querySelector("input[name=reader]:checked");
    if (!chosen) { warn("Please choose your code first."); return; }
    begin(study.readers[chosen.value], load(study.readers[chosen.value]));
  });
  find("load").addEventListener("change", event => {
    const file = event.target.files[0];
    if (file) file.text().then(goOnFrom);
    event.target.value = "";
  });
  find("next").addEventListener("click", next);
  find("back").addEventListener("click", back);
  find("return").addEventListener("click", () => {
    place = reader.steps.length - 1;
    showStep();
  });
  document.querySelectorAll(".save").forEach(each => each.addEventListener("click", save));
  showStart();
})();
