package export

import "sync"

// maxScreens bounds how many make text at once: writing is slower than they.
const maxScreens = 4

// inTurn makes the parts of a text by several workers at once and writes them in
// order, up to the first error. What render returns is the worker's until it is
// called again for it.
func inTurn(parts, workers int, render func(worker, part int) ([]byte, error), write func([]byte) error) error {
	turns := make([]chan struct{}, workers) // whose turn it is to write
	for i := range turns {
		turns[i] = make(chan struct{}, 1)
	}
	turns[0] <- struct{}{}
	var failed error // belongs to the one whose turn it is
	var all sync.WaitGroup
	for worker := range workers {
		all.Go(func() {
			for part := worker; part < parts; part += workers {
				text, err := render(worker, part)
				<-turns[worker]
				if failed == nil {
					if failed = err; err == nil {
						failed = write(text)
					}
				}
				stop := failed != nil
				turns[(worker+1)%workers] <- struct{}{}
				if stop {
					return
				}
			}
		})
	}
	all.Wait()
	return failed
}
