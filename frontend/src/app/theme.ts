/** A near-black neutral room: no hue of its own beside the grey values that are read. */

import { createTheme, type MantineColorsTuple, Notification } from "@mantine/core";

const dark: MantineColorsTuple = [
  "#dcdee0",
  "#b3b6b9",
  "#979b9f",
  "#5f6468",
  "#3a3e42",
  "#2a2d30",
  "#1d1f22",
  "#141618",
  "#0e0f11",
  "#08090a",
];
const azure: MantineColorsTuple = [
  "#e5f4ff",
  "#c9e5fb",
  "#9bcff5",
  "#69b6ef",
  "#46a2e9",
  "#2f94e4",
  "#1f86d6",
  "#1571b8",
  "#0c5f9e",
  "#004e85",
];

export const theme = createTheme({
  colors: { dark, azure },
  primaryColor: "azure",
  primaryShade: 7,
  fontFamily: "Inter, system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif",
  fontFamilyMonospace: "ui-monospace, 'DejaVu Sans Mono', monospace",
  defaultRadius: "sm",
  autoContrast: true,
  // Where black and white stand out equally against a colour.
  luminanceThreshold: 0.18,
  respectReducedMotion: true,
  headings: { fontWeight: "600" },
  components: {
    Notification: Notification.extend({ defaultProps: { closeButtonProps: { "aria-label": "Close" } } }),
  },
});
