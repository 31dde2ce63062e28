/** Where an image lies on the screen: scaled, moved, mirrored and turned. Points are (x = column, y = row). */

export interface Size {
  width: number;
  height: number;
}

export interface Point {
  x: number;
  y: number;
}

/** How the image is held: mirrored left to right first, then turned clockwise by quarters. */
export interface Orientation {
  mirrored: boolean;
  quarters: 0 | 1 | 2 | 3;
}

export const UPRIGHT: Orientation = { mirrored: false, quarters: 0 };

const quarters = (turns: number) => (((turns % 4) + 4) % 4) as Orientation["quarters"];

/** Turn what is seen clockwise by a quarter. */
export function rotated({ mirrored, quarters: turns }: Orientation): Orientation {
  return { mirrored, quarters: quarters(turns + 1) };
}

/** Mirror what is seen: left to right, or upside down. */
export function flipped({ mirrored, quarters: turns }: Orientation, axis: "across" | "down"): Orientation {
  return { mirrored: !mirrored, quarters: quarters((axis === "across" ? 0 : 2) - turns) };
}

/** Words for an orientation, empty when the image is as it was stored. */
export function orientationText({ mirrored, quarters: turns }: Orientation): string {
  if (mirrored && turns === 2) return "flipped upside down";
  return [mirrored ? "mirrored" : "", turns ? `turned ${turns * 90}°` : ""].filter(Boolean).join(", ");
}

const LEAST_ZOOM = 0.25;
const MOST_ZOOM = 16;
/** So much of the image stays in sight, in CSS pixels, however far it is moved. */
const KEPT_IN_SIGHT = 64;

export class Placement {
  zoom = 1;
  pan: Point = { x: 0, y: 0 };
  orientation: Orientation = UPRIGHT;

  constructor(
    readonly image: Size,
    public host: Size,
  ) {}

  private get isOnItsSide(): boolean {
    return this.orientation.quarters % 2 === 1;
  }

  /** Size of the image as it is held, in image pixels. */
  private get held(): Size {
    const { width, height } = this.image;
    return this.isOnItsSide ? { width: height, height: width } : { width, height };
  }

  /** CSS pixels to an image pixel when the whole image is shown. */
  get fitScale(): number {
    return Math.min(this.host.width / this.held.width, this.host.height / this.held.height) || 1;
  }

  /** CSS pixels to an image pixel. */
  get scale(): number {
    return this.fitScale * this.zoom;
  }

  /** Columns of the matrix that turns and mirrors: where the image's x and y axes point on the screen. */
  private get axes(): [number, number, number, number] {
    const { mirrored, quarters: turns } = this.orientation;
    const cos = [1, 0, -1, 0][turns] ?? 1;
    const sin = [0, 1, 0, -1][turns] ?? 0;
    const sign = mirrored ? -1 : 1;
    return [sign * cos, sign * sin, -sin, cos];
  }

  private get centre(): Point {
    return { x: this.host.width / 2 + this.pan.x, y: this.host.height / 2 + this.pan.y };
  }

  /** The place of an image point in the host, in CSS pixels. */
  toScreen(x: number, y: number): Point {
    const [a, b, c, d] = this.axes;
    const [dx, dy] = [x - this.image.width / 2, y - this.image.height / 2];
    const { scale, centre } = this;
    return { x: centre.x + scale * (a * dx + c * dy), y: centre.y + scale * (b * dx + d * dy) };
  }

  /** The image point at a place in the host. */
  toImage(x: number, y: number): Point {
    const [a, b, c, d] = this.axes;
    const { scale, centre } = this;
    const [sx, sy] = [(x - centre.x) / scale, (y - centre.y) / scale];
    return { x: this.image.width / 2 + a * sx + b * sy, y: this.image.height / 2 + c * sx + d * sy };
  }

  /** The same as a CSS transform of an element whose origin is its upper left corner. */
  get transform(): string {
    const [a, b, c, d] = this.axes.map((value) => value * this.scale) as [number, number, number, number];
    const origin = this.toScreen(0, 0);
    return `matrix(${a}, ${b}, ${c}, ${d}, ${origin.x}, ${origin.y})`;
  }

  /** Zoom so that the image point at a place in the host stays there. */
  zoomTo(zoom: number, at: Point): void {
    const actual = 1 / this.fitScale;
    const kept = this.toImage(at.x, at.y);
    this.zoom = Math.min(Math.max(zoom, Math.min(LEAST_ZOOM, actual / 2)), Math.max(MOST_ZOOM, 2 * actual));
    const now = this.toScreen(kept.x, kept.y);
    this.panBy(at.x - now.x, at.y - now.y);
  }

  panBy(dx: number, dy: number): void {
    const { width, height } = this.held;
    const within = (value: number, span: number, room: number) => {
      const most = Math.max((span * this.scale + room) / 2 - KEPT_IN_SIGHT, 0);
      return Math.min(Math.max(value, -most), most);
    };
    this.pan = {
      x: within(this.pan.x + dx, width, this.host.width),
      y: within(this.pan.y + dy, height, this.host.height),
    };
  }

  /** Turn or mirror around the middle of what is seen. */
  orient(orientation: Orientation): void {
    const middle = { x: this.host.width / 2, y: this.host.height / 2 };
    const kept = this.toImage(middle.x, middle.y);
    const { scale } = this;
    this.orientation = orientation;
    // The size of a pixel stays, unless the whole image is shown: then it is shown whole again.
    if (this.zoom !== 1) this.zoom = scale / this.fitScale;
    const now = this.toScreen(kept.x, kept.y);
    this.panBy(middle.x - now.x, middle.y - now.y);
  }

  fit(): void {
    this.zoom = 1;
    this.pan = { x: 0, y: 0 };
  }

  /** Take over how another pane shows the same image. */
  follow(other: Placement): void {
    this.orientation = other.orientation;
    this.zoom = other.scale / this.fitScale;
    this.pan = { ...other.pan };
  }
}
