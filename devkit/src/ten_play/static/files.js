// What the page saves as files, and the traces that it opens.

const byId = (id) => document.getElementById(id);

/** Let the buttons save and open. */
export function offerFiles({ player, timeline, events }) {
  byId("save-heard").addEventListener("click", () =>
    save(player.recording(), "heard.wav"),
  );
  byId("save-png").addEventListener("click", async () =>
    save(await timeline.png(), "timeline.png"),
  );
  byId("save-trace").addEventListener("click", () =>
    save(new Blob([events.file], { type: "application/jsonl" }), "trace.jsonl"),
  );
  byId("open-trace").addEventListener("change", async ({ target }) => {
    const [file] = target.files;
    if (!file) return;
    const response = await fetch("/timeline", { method: "POST", body: file });
    const { marks, problem } = await response.json();
    target.value = "";
    if (problem) {
      byId("ttfb-told").textContent = `${file.name}: ${problem}`;
      return;
    }
    timeline.showFile(marks);
    byId("timeline-file").textContent = file.name;
    byId("timeline-file").hidden = byId("live").hidden = false;
  });
}

function save(blob, name) {
  const anchor = document.createElement("a");
  anchor.href = URL.createObjectURL(blob);
  anchor.download = name;
  anchor.click();
  setTimeout(() => URL.revokeObjectURL(anchor.href), 1000);
}
