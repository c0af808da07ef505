// SPDX-License-Identifier: GPL-3.0-or-later
// The province as a picture: an outline, and a cell around each commune's centre (all points nearer to it than to any other). Nothing is
// asked of the network.
import { Delaunay } from 'd3-delaunay';

export type Cell = { code: string; name: string; x: number; y: number; path: string };
export type Picture = { width: number; height: number; outline: string; cells: Cell[] };
type Point = [number, number];

export function readCsv(text: string): Record<string, string>[] {
  const [head, ...lines] = text.trim().split(/\r?\n/);
  const names = head.split(',');
  return lines.map((line) => Object.fromEntries(line.split(',').map((value, i) => [names[i], value])));
}

export function picture(communesCsv: string, outlineCsv: string, width = 640): Picture {
  const communes = readCsv(communesCsv), edge = readCsv(outlineCsv).map((r): Point => [Number(r.lon), Number(r.lat)]);
  const lons = edge.map((p) => p[0]), lats = edge.map((p) => p[1]);
  const west = Math.min(...lons) - 0.02, east = Math.max(...lons) + 0.02, south = Math.min(...lats) - 0.02, north = Math.max(...lats) + 0.02;
  const squeeze = Math.cos((((south + north) / 2) * Math.PI) / 180); /* a degree of longitude is shorter */
  const scale = width / ((east - west) * squeeze), height = Math.round((north - south) * scale);
  const place = ([lon, lat]: Point): Point => [Math.round((lon - west) * squeeze * scale * 10) / 10, Math.round((north - lat) * scale * 10) / 10];
  const centres = communes.map((c) => place([Number(c.centre_lon), Number(c.centre_lat)]));
  const voronoi = Delaunay.from(centres).voronoi([0, 0, width, height]);

  return {
    width, height,
    outline: `M${edge.map((p) => place(p).join(',')).join('L')}Z`,
    cells: communes.map((c, i) => ({ code: c.code, name: c.name, x: centres[i][0], y: centres[i][1], path: voronoi.renderCell(i) })),
  };
}
