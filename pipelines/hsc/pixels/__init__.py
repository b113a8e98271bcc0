"""Images: mask, background, cosmic rays, calibration of raw pixels, warps and coadds."""
