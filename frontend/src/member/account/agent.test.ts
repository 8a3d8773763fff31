import { expect, it } from "vitest";

import { nameAgent } from "./agent";

it("calls a browser by its name and the system that it runs on", () => {
  expect(nameAgent("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")).toBe("Firefox, Linux");
  const chrome = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36";
  expect(nameAgent(`Mozilla/5.0 (Windows NT 10.0; Win64; x64) ${chrome}`)).toBe("Chrome, Windows");
  expect(nameAgent(`Mozilla/5.0 (Windows NT 10.0; Win64; x64) ${chrome} Edg/156.0`)).toBe("Edge, Windows");
  const phone = "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 Version/19.0 Mobile/15E148 Safari/604.1";
  expect(nameAgent(phone)).toBe("Safari, iOS");
});

it("shows the beginning of what a program calls itself", () => {
  expect(nameAgent("curl/8.5.0")).toBe("curl/8.5.0");
  expect(nameAgent("x".repeat(500))).toHaveLength(61);
});
