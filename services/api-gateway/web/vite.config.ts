import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

const gateway = process.env.MINESTREAM_GATEWAY ?? "http://127.0.0.1:8480";

export default defineConfig({
  plugins: [react(), tailwindcss()],
  build: {
    target: "es2023",
    // a data: address would need a hole in the content security policy
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: {
    host: "127.0.0.1",
    proxy: { "/api": { target: gateway, ws: true } },
  },
  preview: {
    host: "127.0.0.1",
    // as strict as the gateway, so that what it would block shows
    headers: {
      "Content-Security-Policy":
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'",
    },
    proxy: { "/api": { target: gateway, ws: true } },
  },
});
