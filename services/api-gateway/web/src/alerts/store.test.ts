import { describe, expect, it } from "vitest";

import type { Alert } from "../api/types";
import { alert, at } from "../testing/rows";
import { AlertStore } from "./store";

const WHOLE = { first: true, last: true };

function storeOf(...firing: Alert[]): AlertStore {
  const store = new AlertStore();
  store.takeSnapshot({ alert: firing }, WHOLE);
  return store;
}

const ids = (store: AlertStore) => store.getSnapshot().firing.map(({ alert_id }) => alert_id);

describe("the alerts that fire", () => {
  it("are not known before the stream has told", () => {
    const store = new AlertStore();
    expect(store.getSnapshot().known).toBe(false);
    store.takeSnapshot({ alert: [alert()] }, { first: true, last: false });
    expect(store.getSnapshot().known).toBe(false);
    store.takeSnapshot({}, { first: false, last: true });
    expect(store.getSnapshot()).toMatchObject({ known: true, firing: [alert()] });
  });

  it("stand the worst first, then the newest", () => {
    const store = storeOf(
      alert({ alert_id: "old", fired_at: at(-90) }),
      alert({ alert_id: "new", fired_at: at(0) }),
      alert({ alert_id: "bad", severity: "critical", fired_at: at(-900) }),
      alert({ alert_id: "fyi", severity: "info" }),
    );
    expect(ids(store)).toEqual(["bad", "new", "old", "fyi"]);
  });

  it("rise, and are gone when they are resolved", () => {
    const store = storeOf(alert());
    store.takeChanges({ alert: [alert({ number: 2, severity: "critical" })] });
    expect(store.getSnapshot().firing[0]?.severity).toBe("critical");
    store.takeChanges({ alert: [alert({ number: 3, phase: "resolved" })] });
    expect(ids(store)).toEqual([]);
  });

  it("do not change by what is told late or twice", () => {
    const store = storeOf(alert({ number: 2, severity: "critical" }));
    store.takeChanges({ alert: [alert({ number: 1 })] });
    expect(store.getSnapshot().firing[0]?.number).toBe(2);
    const over = alert({ number: 3, phase: "resolved" });
    store.takeChanges({ alert: [over, alert({ number: 2 }), over] });
    expect(ids(store)).toEqual([]);
  });

  it("are those of a new snapshot, whatever was known", () => {
    const store = storeOf(alert({ alert_id: "gone" }), alert({ alert_id: "stays" }));
    store.takeChanges({ alert: [alert({ alert_id: "back", number: 9, phase: "resolved" })] });
    store.takeSnapshot({ alert: [alert({ alert_id: "stays" })] }, { first: true, last: false });
    store.takeSnapshot({ alert: [alert({ alert_id: "back" })] }, { first: false, last: true });
    expect(ids(store).sort()).toEqual(["back", "stays"]);
  });

  it("are news once each: not those of a snapshot, not a rise, not what is over again at once", () => {
    const store = storeOf(alert({ alert_id: "known" }));
    const news: string[] = [];
    store.onFired(({ alert_id }) => news.push(alert_id));
    store.takeChanges({
      alert: [
        alert({ alert_id: "known", number: 2 }),
        alert({ alert_id: "new" }),
        alert({ alert_id: "brief" }),
        alert({ alert_id: "brief", number: 2, phase: "resolved" }),
      ],
    });
    store.takeChanges({ alert: [alert({ alert_id: "new" })] });
    expect(news).toEqual(["new"]);
  });
});
