/** The cells of the pictures. */
export const example = [
  `import pandas as pd

weather = pd.DataFrame({
    "city": ["Bergen", "Lima", "Nairobi", "Rome"],
    "rain": [2495, 16, 1024, 799],
    "sun": [1187, 1230, 2520, 2473],
})
rainy = weather[weather.rain > 1000]
driest = weather.city[weather.rain.idxmin()]
weather`,
  `import matplotlib.pyplot as plt

bars = weather.plot.barh(x="city", figsize=(7.5, 2.4), ylabel="")
bars.set_xlabel("mm of rain and hours of sun in a year")
bars.spines[["top", "right"]].set_visible(False)`,
  `for done in range(0, 101, 20):
    bar = "━" * (done // 4)
    print(f"\\rreading \\033[36m{bar:<25}\\033[0m {done} %", end="")
weather.rain.tolist()`,
  `def share(part, whole):
    return part / whole

share(1, 0)`,
];
