// The document is in the page packed; here it is unpacked before it is saved.
{
  const link = document.getElementById("json");
  const [, packed] = link ? link.href.split(",") : [];
  const unpack = async () => {
    const bytes = Uint8Array.from(atob(packed), (character) => character.charCodeAt(0));
    const plain = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Response(plain).blob();
  };
  if (link && "DecompressionStream" in window) {
    link.addEventListener("click", async (event) => {
      if (link.download !== "compare.json.gz") return;
      event.preventDefault();
      link.href = URL.createObjectURL(await unpack());
      link.download = "compare.json";
      link.click();
    });
  }
}
