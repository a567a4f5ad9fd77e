// Scanning a voucher with the phone's camera, where the browser can; else the code is typed.
document.addEventListener("DOMContentLoaded", async () => {
    const form = document.querySelector("[data-scan]");
    if (!form || !("BarcodeDetector" in window) || !navigator.mediaDevices) return;
    const start = form.querySelector("[data-start]"), camera = form.querySelector("[data-camera]");
    const said = form.querySelector("[data-said]"), code = form.querySelector("[name=code]");
    if (!(await BarcodeDetector.getSupportedFormats()).includes("qr_code")) return;
    const detector = new BarcodeDetector({formats: ["qr_code"]});
    let stream = null;
    const stop = () => {
        if (stream) stream.getTracks().forEach((track) => track.stop());
        stream = null;
        camera.hidden = true;
    };
    const look = async () => {
        if (!stream) return;
        const found = await detector.detect(camera).catch(() => []);
        if (!found.length) { window.setTimeout(look, 200); return; }
        code.value = found[0].rawValue;
        stop();
        form.requestSubmit();
    };
    start.hidden = false;
    start.addEventListener("click", async () => {
        if (stream) { stop(); return; }
        try {
            stream = await navigator.mediaDevices.getUserMedia({video: {facingMode: "environment"}});
        } catch {
            said.textContent = start.dataset.denied;
            return;
        }
        said.textContent = "";
        camera.srcObject = stream;
        camera.hidden = false;
        await camera.play();
        look();
    });
    window.addEventListener("pagehide", stop);
});
