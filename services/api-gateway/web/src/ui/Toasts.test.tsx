// @vitest-environment jsdom
import { act, cleanup, render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import i18next from "i18next";
import { afterEach, beforeEach, expect, it } from "vitest";

import { setUpLanguages } from "../i18n";
import { toast } from "./toaster";
import { Toasts } from "./Toasts";

beforeEach(async () => {
  await setUpLanguages();
  await i18next.changeLanguage("en");
});
afterEach(cleanup);

it("a notice comes, can be closed, and its region is named in the page's language", async () => {
  render(<Toasts />);
  expect(screen.getByRole("region", { name: "Notifications (F8)" })).toBeDefined();
  act(() => toast({ tone: "bad", title: "Connection lost", body: "as of noon" }));
  expect(await screen.findByText("Connection lost")).toBeDefined();
  screen.getByRole("button", { name: "Close" }).focus();
  await userEvent.keyboard("{Enter}");
  expect(screen.queryByText("Connection lost")).toBeNull();
  await act(() => i18next.changeLanguage("zh"));
  expect(screen.getByRole("region", { name: "通知（F8）" })).toBeDefined();
});
