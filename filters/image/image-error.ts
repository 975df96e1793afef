import type { REASONS } from "../../store/reasons.ts";

/** A reason a picture is dropped for once its bytes are here. */
export type ImageReason = keyof (typeof REASONS)["image"];

/** The bytes are here, but make no picture for the data set. */
export class ImageError extends Error {
  readonly reason: ImageReason;
  /** Opt-out signals read from the bytes, recorded also when something else is the reason. */
  optOut: string[] = [];

  constructor(reason: ImageReason, message: string) {
    super(message);
    this.reason = reason;
  }
}
